/* Drives libssh2: libssh2_client exec|files, see environ in clients.go. */
#include <arpa/inet.h>
#include <libssh2.h>
#include <libssh2_sftp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static LIBSSH2_SESSION *session;
static char buffer[32768];

static void check(int ok, const char *what) {
  if (!ok) {
    char *message = "";
    if (session)
      libssh2_session_last_error(session, &message, NULL, 0);
    fprintf(stderr, "%s: %s\n", what, message);
    exit(1);
  }
}

/* Asks for all that the library has of one method. */
static void everything(int method) {
  const char **names;
  char list[4096] = "";
  int i, n = libssh2_session_supported_algs(session, method, &names);
  check(n > 0, "algorithms");
  for (i = 0; i < n; i++) {
    strcat(list, i ? "," : "");
    strcat(list, names[i]);
  }
  libssh2_free(session, names);
  check(libssh2_session_method_pref(session, method, list) == 0, list);
}

static FILE *open_file(const char *variable, const char *mode) {
  FILE *f = fopen(getenv(variable), mode);
  check(f != NULL, variable);
  return f;
}

static void files(void) {
  size_t size, done;
  ssize_t n;
  FILE *in = open_file("IN", "rb"), *out = open_file("OUT", "wb");
  LIBSSH2_SFTP *sftp = libssh2_sftp_init(session);
  check(sftp != NULL, "sftp");
  LIBSSH2_SFTP_HANDLE *file =
      libssh2_sftp_open(sftp, getenv("REMOTE"), LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC, 0600);
  check(file != NULL, "create");
  while ((size = fread(buffer, 1, sizeof buffer, in)) > 0)
    for (done = 0; done < size; done += n)
      check((n = libssh2_sftp_write(file, buffer + done, size - done)) > 0, "write");
  libssh2_sftp_close(file);
  file = libssh2_sftp_open(sftp, getenv("REMOTE"), LIBSSH2_FXF_READ, 0);
  check(file != NULL, "open");
  while ((n = libssh2_sftp_read(file, buffer, sizeof buffer)) > 0)
    fwrite(buffer, 1, n, out);
  check(n == 0 && fclose(out) == 0, "read");
  libssh2_sftp_close(file);
}

static void command(void) {
  size_t size, done;
  ssize_t n;
  FILE *in = open_file("IN", "rb");
  LIBSSH2_CHANNEL *channel = libssh2_channel_open_session(session);
  check(channel != NULL, "channel");
  check(libssh2_channel_exec(channel, getenv("COMMAND")) == 0, "exec");
  while ((size = fread(buffer, 1, sizeof buffer, in)) > 0)
    for (done = 0; done < size; done += n)
      check((n = libssh2_channel_write(channel, buffer + done, size - done)) > 0, "write");
  check(libssh2_channel_send_eof(channel) == 0, "eof");
  while ((n = libssh2_channel_read(channel, buffer, sizeof buffer)) > 0)
    fwrite(buffer, 1, n, stdout);
  check(n == 0, "read");
}

int main(int argc, char **argv) {
  char public[4096];
  int method, fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("SSH_PORT")))};
  inet_aton(getenv("SSH_HOST"), &address.sin_addr);
  check(connect(fd, (void *)&address, sizeof address) == 0, "connect");
  check(libssh2_init(0) == 0, "init");
  session = libssh2_session_init();
  libssh2_session_flag(session, LIBSSH2_FLAG_COMPRESS, 1);
  for (method = LIBSSH2_METHOD_KEX; method <= LIBSSH2_METHOD_COMP_SC; method++)
    everything(method);
  check(libssh2_session_handshake(session, fd) == 0, "handshake");
  snprintf(public, sizeof public, "%s.pub", getenv("KEY"));
  check(libssh2_userauth_publickey_fromfile(session, getenv("SSH_USER"), public, getenv("KEY"), "") == 0, "login");
  if (argc > 1 && strcmp(argv[1], "files") == 0)
    files();
  else
    command();
  libssh2_session_disconnect(session, "done");
  return 0;
}
