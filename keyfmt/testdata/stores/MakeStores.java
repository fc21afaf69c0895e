import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.util.PBKDF2Config;
import org.bouncycastle.crypto.util.ScryptConfig;
import org.bouncycastle.jcajce.BCFKSLoadStoreParameter;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/** Writes the stores that keytool has no options for: MakeStores IDENTITY PASS ENTRYPASS DIR. */
class MakeStores {
    static char[] pass, entry;
    static Path dir;
    static PrivateKey key;
    static Certificate[] chain;

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        pass = args[1].toCharArray();
        entry = args[2].toCharArray();
        dir = Path.of(args[3]);
        KeyStore identity = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(args[0])) {
            identity.load(in, pass);
        }
        String alias = identity.aliases().nextElement();
        // BouncyCastle signs stores with keys of its own classes only.
        byte[] pkcs8 = identity.getKey(alias, pass).getEncoded();
        key = KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        chain = identity.getCertificateChain(alias);

        bcfks("scrypt", BCFKSLoadStoreParameter.EncryptionAlgorithm.AES256_CCM, BCFKSLoadStoreParameter.MacAlgorithm.HmacSHA512,
                new ScryptConfig.Builder(1024, 8, 8).withSaltLength(20).build());
        bcfks("scrypt-p1", BCFKSLoadStoreParameter.EncryptionAlgorithm.AES256_CCM, BCFKSLoadStoreParameter.MacAlgorithm.HmacSHA512,
                new ScryptConfig.Builder(1024, 8, 1).withSaltLength(20).build());
        bcfks("kwp-sha3", BCFKSLoadStoreParameter.EncryptionAlgorithm.AES256_KWP, BCFKSLoadStoreParameter.MacAlgorithm.HmacSHA3_512,
                new PBKDF2Config.Builder().withIterationCount(1000).withPRF(PBKDF2Config.PRF_SHA3_512).withSaltLength(20).build());
        signed();
        berPkcs12();
        entryPasswordPkcs12();
    }

    static void bcfks(String name, BCFKSLoadStoreParameter.EncryptionAlgorithm cipher, BCFKSLoadStoreParameter.MacAlgorithm mac,
            org.bouncycastle.crypto.util.PBKDFConfig kdf) throws Exception {
        KeyStore store = KeyStore.getInstance("BCFKS", "BC");
        store.load(null, null);
        fill(store);
        try (FileOutputStream out = new FileOutputStream(dir.resolve(name + ".bcfks").toFile())) {
            store.store(new BCFKSLoadStoreParameter.Builder(out, pass).withStoreEncryptionAlgorithm(cipher)
                    .withStoreMacAlgorithm(mac).withStorePBKDFConfig(kdf).build());
        }
    }

    static void fill(KeyStore store) throws Exception {
        store.setKeyEntry("first", key, pass, chain);
        store.setKeyEntry("second", key, entry, chain);
        store.setCertificateEntry("trusted", chain[1]);
        store.setKeyEntry("secret", new SecretKeySpec("0123456789abcdef0123456789abcdef".getBytes("US-ASCII"), "AES"), pass, null);
    }

    /** A store whose integrity is a signature by the key of its first entry. */
    static void signed() throws Exception {
        KeyStore store = KeyStore.getInstance("BCFKS", "BC");
        store.load(new BCFKSLoadStoreParameter.Builder().withStoreEncryptionAlgorithm(BCFKSLoadStoreParameter.EncryptionAlgorithm.AES256_CCM)
                .withStorePBKDFConfig(new PBKDF2Config.Builder().withIterationCount(1000).withPRF(PBKDF2Config.PRF_SHA512).build())
                .withStoreSignatureAlgorithm(BCFKSLoadStoreParameter.SignatureAlgorithm.SHA512withECDSA).build());
        fill(store);
        try (FileOutputStream out = new FileOutputStream(dir.resolve("signed.bcfks").toFile())) {
            X509Certificate[] certs = {(X509Certificate) chain[0], (X509Certificate) chain[1]};
            store.store(new BCFKSLoadStoreParameter.Builder(out, key).withCertificates(certs)
                    .withStoreEncryptionAlgorithm(BCFKSLoadStoreParameter.EncryptionAlgorithm.AES256_CCM)
                    .withStorePBKDFConfig(new PBKDF2Config.Builder().withIterationCount(1000).withPRF(PBKDF2Config.PRF_SHA512).build())
                    .withStoreSignatureAlgorithm(BCFKSLoadStoreParameter.SignatureAlgorithm.SHA512withECDSA).build());
        }
    }

    /** BouncyCastle's own PKCS #12 writer uses indefinite lengths. */
    static void berPkcs12() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12", "BC");
        store.load(null, null);
        store.setKeyEntry("store key", key, null, chain);
        try (FileOutputStream out = new FileOutputStream(dir.resolve("bouncycastle-ber.p12").toFile())) {
            store.store(out, pass);
        }
    }

    /** Java's own keeps the password that an entry was set with. */
    static void entryPasswordPkcs12() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12", "SunJSSE");
        store.load(null, null);
        store.setKeyEntry("first", key, pass, chain);
        store.setKeyEntry("second", key, entry, chain);
        try (FileOutputStream out = new FileOutputStream(dir.resolve("java-entry-password.p12").toFile())) {
            store.store(out, pass);
        }
    }
}
