<?php
// Drives phpseclib: php phpseclib.php exec|files, see environ in clients.go. Its exec has no
// input, so that the input goes up as a file first.
require '/usr/share/php/phpseclib3/autoload.php';

use phpseclib3\Crypt\PublicKeyLoader;
use phpseclib3\Net\SFTP;

$sftp = new SFTP(getenv('SSH_HOST'), (int) getenv('SSH_PORT'), 20);
$way = [
    'crypt' => SFTP::getSupportedEncryptionAlgorithms(),
    'mac' => SFTP::getSupportedMACAlgorithms(),
    'comp' => SFTP::getSupportedCompressionAlgorithms(),
];
$sftp->setPreferredAlgorithms([
    'kex' => SFTP::getSupportedKEXAlgorithms(),
    'hostkey' => SFTP::getSupportedHostKeyAlgorithms(),
    'client_to_server' => $way,
    'server_to_client' => $way,
]);
if (!$sftp->login(getenv('SSH_USER'), PublicKeyLoader::load(file_get_contents(getenv('KEY'))))) {
    fwrite(STDERR, implode("\n", $sftp->getErrors()) . "\nlogin failed\n");
    exit(1);
}
if (!$sftp->put(getenv('REMOTE'), getenv('IN'), SFTP::SOURCE_LOCAL_FILE)) {
    fwrite(STDERR, "put failed\n");
    exit(1);
}
if ($argv[1] == 'files') {
    exit($sftp->get(getenv('REMOTE'), getenv('OUT')) ? 0 : 1);
}
echo $sftp->exec('(' . getenv('COMMAND') . ') <' . getenv('REMOTE'));
exit((int) $sftp->getExitStatus());
