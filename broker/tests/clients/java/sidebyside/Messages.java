package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Kafka's generated messages as trees, and trees as messages, by the names of their fields.
 *
 * <p>Kafka's own JSON converters want every field spelled out; here a field that a script leaves out keeps its default, and
 * one that the version does not have is left out, so that one text serves all versions.
 */
final class Messages {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private Messages() {}

  /** Sets the fields of `message` that `tree` names. */
  static void fill(Message message, JsonNode tree, short version) throws ReflectiveOperationException {
    for (var entry : tree.properties()) {
      Field field;
      try {
        field = message.getClass().getDeclaredField(entry.getKey());
      } catch (NoSuchFieldException missing) {
        throw new IllegalArgumentException(message.getClass().getSimpleName() + " has no field " + entry.getKey());
      }
      if (isIn(field, version)) {
        field.setAccessible(true);
        field.set(message, value(field.getGenericType(), entry.getValue(), version));
      }
    }
  }

  private static Object value(Type type, JsonNode node, short version) throws ReflectiveOperationException {
    if (node.isNull()) {
      return null;
    } else if (type == String.class) {
      return node.asText();
    } else if (type == boolean.class) {
      return node.asBoolean();
    } else if (type == byte.class) {
      return (byte) number(node);
    } else if (type == short.class) {
      return (short) number(node);
    } else if (type == int.class) {
      return (int) number(node);
    } else if (type == long.class) {
      return number(node);
    } else if (type == double.class) {
      return node.asDouble();
    } else if (type == Uuid.class) {
      return Uuid.fromString(node.asText());
    } else if (type == byte[].class) {
      return node.asText().getBytes(StandardCharsets.UTF_8);
    } else if (type == ByteBuffer.class) {
      return ByteBuffer.wrap(node.asText().getBytes(StandardCharsets.UTF_8));
    } else if (type == BaseRecords.class) {
      return MemoryRecords.readableRecords(Batches.bytes(node));
    }
    Class<?> plain = (Class<?>) (type instanceof ParameterizedType generic ? generic.getRawType() : type);
    if (!Collection.class.isAssignableFrom(plain)) {
      return element(plain, node, version);
    }
    // A list, or one of Kafka's sets that are lists too, whose class says what is in it.
    Type holder = type instanceof ParameterizedType ? type : plain.getGenericSuperclass();
    Type inner = ((ParameterizedType) holder).getActualTypeArguments()[0];
    @SuppressWarnings("unchecked")
    Collection<Object> all =
        plain == List.class ? new ArrayList<>() : (Collection<Object>) plain.getDeclaredConstructor().newInstance();
    for (JsonNode one : node) {
      all.add(value(unboxed(inner), one, version));
    }
    return all;
  }

  private static Object element(Class<?> type, JsonNode node, short version) throws ReflectiveOperationException {
    Message made = (Message) type.getDeclaredConstructor().newInstance();
    fill(made, node, version);
    return made;
  }

  private static long number(JsonNode node) {
    return node.isTextual() ? Errors.valueOf(node.asText()).code() : node.longValue();
  }

  private static Type unboxed(Type type) {
    if (type == Integer.class) {
      return int.class;
    } else if (type == Long.class) {
      return long.class;
    } else if (type == Short.class) {
      return short.class;
    }
    return type == Byte.class ? byte.class : type;
  }

  /** Every field that the version has, errors by name, records as what is in them. */
  static ObjectNode tree(Message message, short version) throws ReflectiveOperationException {
    ObjectNode tree = JSON.objectNode();
    for (Field field : message.getClass().getDeclaredFields()) {
      if (!Modifier.isStatic(field.getModifiers()) && isIn(field, version)) {
        field.setAccessible(true);
        tree.set(field.getName(), node(field.getName(), field.get(message), version));
      }
    }
    if (!message.unknownTaggedFields().isEmpty()) {
      tree.put("unknownTaggedFields", message.unknownTaggedFields().toString());
    }
    return tree;
  }

  private static JsonNode node(String name, Object value, short version) throws ReflectiveOperationException {
    if (value == null) {
      return JSON.nullNode();
    } else if (value instanceof Short code && name.toLowerCase().endsWith("errorcode")) {
      return JSON.textNode(Errors.forCode(code).name());
    } else if (value instanceof Number number) {
      return value instanceof Double ? JSON.numberNode(number.doubleValue()) : JSON.numberNode(number.longValue());
    } else if (value instanceof Boolean flag) {
      return JSON.booleanNode(flag);
    } else if (value instanceof byte[] bytes) {
      return JSON.textNode(shown(bytes));
    } else if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return JSON.textNode(shown(bytes));
    } else if (value instanceof BaseRecords records) {
      return Batches.tree(((MemoryRecords) records).buffer());
    } else if (value instanceof Message inner) {
      return tree(inner, version);
    } else if (value instanceof Collection<?> all) {
      ArrayNode array = JSON.arrayNode();
      for (Object one : all) {
        array.add(node(name, one, version));
      }
      return array;
    }
    return JSON.textNode(value.toString());
  }

  /** Text where it is text, else hexadecimal. */
  static String shown(byte[] bytes) {
    for (byte one : bytes) {
      if (one < 0x20) {
        return "0x" + HexFormat.of().formatHex(bytes);
      }
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static boolean isIn(Field field, short version) throws ReflectiveOperationException {
    Schema[] schemas = (Schema[]) field.getDeclaringClass().getField("SCHEMAS").get(null);
    if (version >= schemas.length || schemas[version] == null) {
      return false;
    }
    String name = field.getName().replaceAll("([A-Z])", "_$1").toLowerCase();
    for (BoundField known : schemas[version].fields()) {
      boolean isTagged =
          known.def.type instanceof TaggedFields tagged
              && tagged.fields().values().stream().anyMatch(one -> one.name.equals(name));
      if (isTagged || known.def.name.equals(name)) {
        return true;
      }
    }
    return false;
  }
}
