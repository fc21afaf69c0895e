import com.jcraft.jsch.ChannelExec;
import com.jcraft.jsch.ChannelSftp;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.Session;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.StringJoiner;

/** Drives JSch: java -cp jsch.jar:. JschClient exec|files, see environ in clients.go. */
public class JschClient {
  static final String HOST_KEYS = "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa,ssh-dss";

  public static void main(String[] args) throws Exception {
    JSch jsch = new JSch();
    jsch.addIdentity(System.getenv("KEY"));
    Session session = jsch.getSession(System.getenv("SSH_USER"), System.getenv("SSH_HOST"),
        Integer.parseInt(System.getenv("SSH_PORT")));
    session.setConfig("StrictHostKeyChecking", "no");
    session.setConfig("kex", known("KEX"));
    session.setConfig("server_host_key", HOST_KEYS);
    for (String way : new String[] {"c2s", "s2c"}) {
      session.setConfig("cipher." + way, known("CIPHERS"));
      session.setConfig("mac." + way, known("MACS"));
      session.setConfig("compression." + way, "zlib@openssh.com,zlib,none");
    }
    session.connect(20000);
    if (args[0].equals("files")) {
      ChannelSftp sftp = (ChannelSftp) session.openChannel("sftp");
      sftp.connect();
      sftp.put(System.getenv("IN"), System.getenv("REMOTE"));
      sftp.get(System.getenv("REMOTE"), System.getenv("OUT"));
    } else {
      exec(session);
    }
    System.exit(0);
  }

  /** The names of the server that JSch has a class for. */
  static String known(String variable) {
    StringJoiner known = new StringJoiner(",");
    for (String name : System.getenv(variable).split(",")) {
      if (JSch.getConfig(name) != null) {
        known.add(name);
      }
    }
    return known.toString();
  }

  static void exec(Session session) throws Exception {
    ChannelExec channel = (ChannelExec) session.openChannel("exec");
    channel.setCommand(System.getenv("COMMAND"));
    InputStream output = channel.getInputStream();
    OutputStream input = channel.getOutputStream();
    channel.connect();
    input.write(Files.readAllBytes(Paths.get(System.getenv("IN"))));
    input.close();
    System.out.write(output.readAllBytes());
    System.out.flush();
  }
}
