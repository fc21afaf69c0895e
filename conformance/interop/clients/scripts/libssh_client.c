/* Drives libssh: libssh_client exec|files, see environ in clients.go. */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ssh_session session;
static char buffer[32768];

static void check(int ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "%s: %s\n", what, ssh_get_error(session));
    exit(1);
  }
}

static void set(enum ssh_options_e option, const char *variable) {
  check(ssh_options_set(session, option, getenv(variable)) == 0, variable);
}

static FILE *open_file(const char *variable, const char *mode) {
  FILE *f = fopen(getenv(variable), mode);
  check(f != NULL, variable);
  return f;
}

static void files(void) {
  size_t size;
  ssize_t n;
  sftp_session sftp = sftp_new(session);
  check(sftp && sftp_init(sftp) == 0, "sftp");
  FILE *in = open_file("IN", "rb"), *out = open_file("OUT", "wb");
  sftp_file file = sftp_open(sftp, getenv("REMOTE"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  check(file != NULL, "create");
  while ((size = fread(buffer, 1, sizeof buffer, in)) > 0)
    check(sftp_write(file, buffer, size) == (ssize_t)size, "write");
  check(sftp_close(file) == 0, "close");
  file = sftp_open(sftp, getenv("REMOTE"), O_RDONLY, 0);
  check(file != NULL, "open");
  while ((n = sftp_read(file, buffer, sizeof buffer)) > 0)
    fwrite(buffer, 1, n, out);
  check(n == 0 && fclose(out) == 0, "read");
  sftp_close(file);
}

static void command(void) {
  size_t size;
  int n;
  FILE *in = open_file("IN", "rb");
  ssh_channel channel = ssh_channel_new(session);
  check(ssh_channel_open_session(channel) == 0, "channel");
  check(ssh_channel_request_exec(channel, getenv("COMMAND")) == 0, "exec");
  while ((size = fread(buffer, 1, sizeof buffer, in)) > 0)
    check(ssh_channel_write(channel, buffer, size) == (int)size, "write");
  check(ssh_channel_send_eof(channel) == 0, "eof");
  while ((n = ssh_channel_read(channel, buffer, sizeof buffer, 0)) > 0)
    fwrite(buffer, 1, n, stdout);
  check(n == 0, "read");
}

int main(int argc, char **argv) {
  ssh_key key;
  unsigned port = atoi(getenv("SSH_PORT"));
  int none = 0;
  session = ssh_new();
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &none);
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  set(SSH_OPTIONS_HOST, "SSH_HOST");
  set(SSH_OPTIONS_USER, "SSH_USER");
  set(SSH_OPTIONS_KEY_EXCHANGE, "KEX");
  set(SSH_OPTIONS_HOSTKEYS, "HOSTKEYS");
  set(SSH_OPTIONS_CIPHERS_C_S, "CIPHERS");
  set(SSH_OPTIONS_CIPHERS_S_C, "CIPHERS");
  set(SSH_OPTIONS_HMAC_C_S, "MACS");
  set(SSH_OPTIONS_HMAC_S_C, "MACS");
  set(SSH_OPTIONS_COMPRESSION_C_S, "COMPRESSIONS");
  set(SSH_OPTIONS_COMPRESSION_S_C, "COMPRESSIONS");
  set(SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, "KEY_ALGORITHM");
  check(ssh_connect(session) == 0, "connect");
  check(ssh_pki_import_privkey_file(getenv("KEY"), NULL, NULL, NULL, &key) == 0, "key");
  check(ssh_userauth_publickey(session, NULL, key) == SSH_AUTH_SUCCESS, "login");
  if (argc > 1 && strcmp(argv[1], "files") == 0)
    files();
  else
    command();
  ssh_disconnect(session);
  return 0;
}
