package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;

/** One of the two brokers: its connections, and what its earlier answers were. */
final class Peer implements AutoCloseable {
  private static final Pattern VARIABLE = Pattern.compile("\\$([A-Za-z][A-Za-z0-9_.-]*?)([+-]\\d+)?");

  final int port;
  private final Map<String, Wire> wires = new HashMap<>();
  private final Map<String, JsonNode> variables = new HashMap<>();
  final Names names;

  Peer(int port, long now) {
    this.port = port;
    this.names = new Names(port);
    variables.put("now", JsonNodeFactory.instance.numberNode(now));
  }

  /** What a request asks, in the version of its body and the one that its header claims. */
  record Question(ApiMessageType api, short version, short claimed, JsonNode body, int cut, int extend) {}

  Wire wire(String connection) throws IOException {
    Wire wire = wires.get(connection);
    if (wire == null) {
      wire = new Wire(port);
      wires.put(connection, wire);
    }
    return wire;
  }

  void send(String connection, Question question) throws IOException, ReflectiveOperationException {
    ApiMessage request = question.api.newRequest();
    Messages.fill(request, resolved(question.body), question.version);
    byte[] content = wire(connection).request(question.api, question.version, question.claimed, request);
    wire(connection).send(Arrays.copyOf(content, content.length - question.cut + question.extend));
  }

  /** The answer as a tree, or the word `closed`. */
  JsonNode receive(String connection, Question question) throws IOException, ReflectiveOperationException {
    Wire wire = wire(connection);
    try {
      byte[] content = wire.receive();
      // What ApiVersions does not know it answers in version 0.
      boolean isUnknown = question.api == ApiMessageType.API_VERSIONS && question.claimed != question.version;
      short version = isUnknown ? 0 : question.version;
      return Messages.tree(wire.decode(question.api, version, content), version);
    } catch (Wire.Closed closed) {
      forget(connection);
      return Trees.text("closed");
    }
  }

  JsonNode ask(ApiMessageType api, int version, JsonNode body) throws IOException, ReflectiveOperationException {
    Question question = new Question(api, (short) version, (short) version, body, 0, 0);
    send("own", question);
    return receive("own", question);
  }

  /** The answer to bytes, in hexadecimal. */
  JsonNode receiveBytes(String connection) throws IOException {
    try {
      return Trees.text(HexFormat.of().formatHex(wire(connection).receive()));
    } catch (Wire.Closed closed) {
      forget(connection);
      return Trees.text("closed");
    }
  }

  void forget(String connection) throws IOException {
    Wire wire = wires.remove(connection);
    if (wire != null) {
      wire.close();
    }
  }

  void keep(String name, JsonNode value) {
    if (value instanceof MissingNode) {
      throw new IllegalArgumentException("nothing to keep as $" + name);
    }
    variables.put(name, value);
  }

  /** `$name`, and `$name+1` of numbers, replaced by what was kept. */
  private JsonNode resolved(JsonNode node) {
    if (node instanceof ObjectNode object) {
      ObjectNode copy = object.objectNode();
      object.properties().forEach(entry -> copy.set(entry.getKey(), resolved(entry.getValue())));
      return copy;
    } else if (node instanceof ArrayNode array) {
      ArrayNode copy = array.arrayNode();
      array.forEach(one -> copy.add(resolved(one)));
      return copy;
    }
    Matcher matcher = VARIABLE.matcher(node.isTextual() ? node.asText() : "");
    if (!matcher.matches()) {
      return node;
    }
    JsonNode value = variables.get(matcher.group(1));
    if (value == null) {
      throw new IllegalArgumentException("no $" + matcher.group(1) + " was kept");
    }
    return matcher.group(2) == null
        ? value
        : JsonNodeFactory.instance.numberNode(value.asLong() + Long.parseLong(matcher.group(2)));
  }

  @Override
  public void close() throws IOException {
    for (Wire wire : wires.values()) {
      wire.close();
    }
  }
}
