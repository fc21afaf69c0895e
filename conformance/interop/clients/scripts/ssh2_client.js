// Drives ssh2: node ssh2_client.js exec|files, see environ in clients.go.
'use strict';
const fs = require('fs');
const { Client } = require('ssh2');
const all = require('ssh2/lib/protocol/constants');

const e = process.env;
const client = new Client();

function fail(err) {
  console.error(String(err));
  process.exit(1);
}

client.on('error', fail);
client.on('ready', () => {
  if (process.argv[2] === 'files') {
    client.sftp((err, sftp) => {
      if (err) fail(err);
      sftp.fastPut(e.IN, e.REMOTE, (err) => {
        if (err) fail(err);
        sftp.fastGet(e.REMOTE, e.OUT, (err) => {
          if (err) fail(err);
          client.end();
        });
      });
    });
    return;
  }
  client.exec(e.COMMAND, (err, stream) => {
    if (err) fail(err);
    stream.on('data', (data) => process.stdout.write(data));
    stream.on('exit', (code) => { process.exitCode = code; });
    stream.on('close', () => client.end());
    stream.end(fs.readFileSync(e.IN));
  });
});
client.connect({
  host: e.SSH_HOST, port: Number(e.SSH_PORT), username: e.SSH_USER, privateKey: fs.readFileSync(e.KEY),
  algorithms: {
    kex: all.SUPPORTED_KEX, serverHostKey: all.SUPPORTED_SERVER_HOST_KEY, cipher: all.SUPPORTED_CIPHER,
    hmac: all.SUPPORTED_MAC, compress: all.SUPPORTED_COMPRESSION,
  },
});
