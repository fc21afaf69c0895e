import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.util.Scanner;

/** Reads lines of a charset and a hexadecimal code; writes for each the text in hexadecimal UTF-8 and the code of that text. */
public class Charsets {
    public static void main(String[] args) {
        StringBuilder out = new StringBuilder();
        for (Scanner in = new Scanner(System.in); in.hasNext(); ) {
            Charset charset = Charset.forName(in.next());
            try {
                CharBuffer text = charset.newDecoder().decode(ByteBuffer.wrap(java.util.HexFormat.of().parseHex(in.next())));
                out.append(hex(java.nio.charset.StandardCharsets.UTF_8.encode(text.duplicate())));
                out.append(' ').append(hex(charset.newEncoder().encode(text)));
            } catch (CharacterCodingException e) {
                // nothing after what was written: no such code, or none back
            }
            out.append('\n');
        }
        System.out.print(out);
    }

    private static String hex(ByteBuffer b) {
        byte[] octets = new byte[b.remaining()];
        b.get(octets);
        return java.util.HexFormat.of().formatHex(octets);
    }
}
