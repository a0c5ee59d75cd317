package sidebyside;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;

/** One connection to a broker. Bytes are made and read by Kafka's own generated code. */
final class Wire implements AutoCloseable {
  static final String CLIENT_ID = "side";
  private static final int ANSWER_LIMIT_MS = 20_000;

  private final Socket socket;
  private final DataInputStream in;
  private int correlationId;

  Wire(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(ANSWER_LIMIT_MS);
    in = new DataInputStream(socket.getInputStream());
  }

  /** The connection ended instead of an answer. */
  static final class Closed extends IOException {}

  /** A frame's content: the header, which may claim another version than the body has, and the body. */
  byte[] request(ApiMessageType api, short version, short claimed, ApiMessage body) {
    RequestHeaderData header =
        new RequestHeaderData()
            .setRequestApiKey(api.apiKey())
            .setRequestApiVersion(claimed)
            .setClientId(CLIENT_ID)
            .setCorrelationId(++correlationId);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(bytes(header, api.requestHeaderVersion(claimed)));
    out.writeBytes(bytes(body, version));
    return out.toByteArray();
  }

  private static byte[] bytes(Message message, short version) {
    ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  void send(byte[] content) throws IOException {
    sendBytes(ByteBuffer.allocate(4 + content.length).putInt(content.length).put(content).array());
  }

  void sendBytes(byte[] bytes) throws IOException {
    try {
      socket.getOutputStream().write(bytes);
    } catch (SocketException closed) {
      // Shows when the answer is read.
    }
  }

  byte[] receive() throws IOException {
    try {
      byte[] content = new byte[in.readInt()];
      in.readFully(content);
      return content;
    } catch (EOFException | SocketException closed) {
      throw new Closed();
    } catch (SocketTimeoutException late) {
      throw new IOException("no answer within " + ANSWER_LIMIT_MS + " ms");
    }
  }

  /** The answer to the request sent last; every byte of it must be used. */
  ApiMessage decode(ApiMessageType api, short version, byte[] content) {
    ByteBuffer buffer = ByteBuffer.wrap(content);
    ByteBufferAccessor reader = new ByteBufferAccessor(buffer);
    ResponseHeaderData header = new ResponseHeaderData(reader, api.responseHeaderVersion(version));
    if (header.correlationId() != correlationId) {
      throw new IllegalStateException("answer " + header.correlationId() + " to request " + correlationId);
    }
    ApiMessage answer = api.newResponse();
    answer.read(reader, version);
    if (buffer.hasRemaining()) {
      throw new IllegalStateException(buffer.remaining() + " bytes behind the answer");
    }
    return answer;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
