package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.Crc32C;

/** Record batches: sound ones by Kafka's own builder, and what a script wants to be wrong with them. */
final class Batches {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final int CRC_AT = 17;
  private static final int CHECKED_FROM = 21;
  /** What records are of that have no time of their own; the same for both brokers. */
  private static final long TODAY = System.currentTimeMillis();

  private Batches() {}

  /** A list of batches, or one. */
  static ByteBuffer bytes(JsonNode node) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (JsonNode one : node.isArray() ? node : JSON.arrayNode().add(node)) {
      out.writeBytes(batch(one));
    }
    return ByteBuffer.wrap(out.toByteArray());
  }

  private static byte[] batch(JsonNode node) {
    List<SimpleRecord> records = new ArrayList<>();
    long timestamp = node.path("timestamp").asLong(TODAY);
    for (JsonNode value : node.path("values")) {
      records.add(record(value, timestamp));
    }
    byte magic = (byte) node.path("magic").asInt(2);
    Compression codec = Compression.of(CompressionType.forName(node.path("compression").asText("none"))).build();
    ByteBuffer buffer = ByteBuffer.allocate(4096);
    var builder =
        MemoryRecords.builder(
            buffer, magic, codec, TimestampType.CREATE_TIME, node.path("baseOffset").asLong(0), -1L,
            node.path("producerId").asLong(-1), (short) node.path("producerEpoch").asInt(-1),
            node.path("baseSequence").asInt(-1), node.path("isTransactional").asBoolean(false),
            node.path("leaderEpoch").asInt(-1));
    records.forEach(builder::append);
    ByteBuffer built = builder.build().buffer();
    byte[] bytes = new byte[built.remaining()];
    built.get(bytes);
    return damaged(bytes, node);
  }

  /** A value, or a map with `key`, `value`, `timestamp`, `headers`, and `size` for a value of so many bytes. */
  private static SimpleRecord record(JsonNode node, long timestamp) {
    if (!node.isObject()) {
      return new SimpleRecord(timestamp, null, text(node));
    }
    List<Header> headers = new ArrayList<>();
    node.path("headers").properties().forEach(one -> headers.add(new RecordHeader(one.getKey(), text(one.getValue()))));
    byte[] value = node.has("size") ? new byte[node.get("size").asInt()] : text(node.path("value"));
    long at = node.path("timestamp").asLong(timestamp);
    return new SimpleRecord(at, text(node.path("key")), value, headers.toArray(Header[]::new));
  }

  private static byte[] text(JsonNode node) {
    return node.isNull() || node.isMissingNode() ? null : node.asText().getBytes(StandardCharsets.UTF_8);
  }

  /** `set: {AT: [bytes]}` overwrites, `crc: keep` leaves the checksum as it was before, `cut` drops bytes off the end. */
  private static byte[] damaged(byte[] bytes, JsonNode node) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    boolean isChanged = false;
    for (var entry : node.path("set").properties()) {
      int at = Integer.parseInt(entry.getKey());
      for (JsonNode one : entry.getValue()) {
        buffer.put(at++, (byte) one.asInt());
        isChanged |= at > CHECKED_FROM;
      }
    }
    if (isChanged && !node.path("crc").asText().equals("keep")) {
      buffer.putInt(CRC_AT, (int) Crc32C.compute(bytes, CHECKED_FROM, bytes.length - CHECKED_FROM));
    }
    if (node.path("crc").asText().equals("wrong")) {
      buffer.putInt(CRC_AT, buffer.getInt(CRC_AT) ^ 1);
    }
    return Arrays.copyOf(bytes, bytes.length - node.path("cut").asInt(0));
  }

  /** What is in answered records; a cut last batch by its bytes, as clients meet one where max_bytes ends. */
  static ArrayNode tree(ByteBuffer records) {
    ArrayNode tree = JSON.arrayNode();
    MemoryRecords all = MemoryRecords.readableRecords(records.duplicate());
    for (MutableRecordBatch batch : all.batches()) {
      batch.ensureValid();
      tree.add(tree(batch));
    }
    int rest = all.sizeInBytes() - all.validBytes();
    if (rest > 0) {
      tree.addObject().put("cutBytes", rest);
    }
    return tree;
  }

  private static ObjectNode tree(MutableRecordBatch batch) {
    ObjectNode tree = JSON.objectNode();
    tree.put("baseOffset", batch.baseOffset()).put("lastOffset", batch.lastOffset()).put("magic", batch.magic());
    tree.put("bytes", batch.sizeInBytes()).put("compression", batch.compressionType().name);
    tree.put("timestampType", batch.timestampType().name).put("maxTimestamp", batch.maxTimestamp());
    tree.put("producerId", batch.producerId()).put("producerEpoch", batch.producerEpoch());
    tree.put("baseSequence", batch.baseSequence()).put("leaderEpoch", batch.partitionLeaderEpoch());
    tree.put("baseTimestamp", ((DefaultRecordBatch) batch).baseTimestamp());
    tree.put("isTransactional", batch.isTransactional()).put("isControl", batch.isControlBatch());
    ArrayNode records = tree.putArray("records");
    for (Record record : batch) {
      ObjectNode one = records.addObject();
      one.put("offset", record.offset()).put("timestamp", record.timestamp());
      one.put("key", shown(record.key())).put("value", shown(record.value()));
      for (Header header : record.headers()) {
        one.withArray("headers").add(header.key() + "=" + (header.value() == null ? null : Messages.shown(header.value())));
      }
    }
    return tree;
  }

  private static String shown(ByteBuffer buffer) {
    if (buffer == null) {
      return null;
    }
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    // A large value by its length.
    return bytes.length > 1000 ? bytes.length + " bytes" : Messages.shown(bytes);
  }
}
