#!/usr/bin/env escript
%% Drives Erlang's ssh: escript erlang_client.escript exec|files, see environ in clients.go.
-mode(compile).

main([What]) ->
    {ok, _} = application:ensure_all_started(ssh),
    Dir = os:getenv("HOME"),
    {ok, _} = file:copy(os:getenv("KEY"), filename:join(Dir, key_name(os:getenv("KEY_ALGORITHM")))),
    {ok, C} = ssh:connect(os:getenv("SSH_HOST"), list_to_integer(os:getenv("SSH_PORT")),
        [{user, os:getenv("SSH_USER")}, {user_dir, Dir}, {silently_accept_hosts, true}, {user_interaction, false},
         {auth_methods, "publickey"}, {save_accepted_host, false},
         {pref_public_key_algs, [list_to_atom(os:getenv("KEY_ALGORITHM"))]},
         {preferred_algorithms, ssh_transport:supported_algorithms()}], 20000),
    run(What, C),
    ssh:close(C).

key_name("ssh-ed25519") -> "id_ed25519";
key_name("ssh-ed448") -> "id_ed448";
key_name("ssh-dss") -> "id_dsa";
key_name("ecdsa-" ++ _) -> "id_ecdsa";
key_name(_) -> "id_rsa".

run("files", C) ->
    {ok, S} = ssh_sftp:start_channel(C, [{timeout, 20000}]),
    {ok, Data} = file:read_file(os:getenv("IN")),
    ok = ssh_sftp:write_file(S, os:getenv("REMOTE"), Data),
    {ok, Back} = ssh_sftp:read_file(S, os:getenv("REMOTE")),
    ok = file:write_file(os:getenv("OUT"), Back);
run("exec", C) ->
    {ok, Data} = file:read_file(os:getenv("IN")),
    {ok, Ch} = ssh_connection:session_channel(C, 20000),
    success = ssh_connection:exec(C, Ch, os:getenv("COMMAND"), 20000),
    ok = ssh_connection:send(C, Ch, Data, 20000),
    ok = ssh_connection:send_eof(C, Ch),
    ok = file:write_file(os:getenv("OUT"), output(C, [])).

output(C, Parts) ->
    receive
        {ssh_cm, C, {data, Ch, _, Data}} -> ssh_connection:adjust_window(C, Ch, byte_size(Data)), output(C, [Data | Parts]);
        {ssh_cm, C, {closed, _}} -> lists:reverse(Parts);
        {ssh_cm, C, _} -> output(C, Parts)
    after 20000 -> exit(timeout) end.
