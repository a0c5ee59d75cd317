package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/** Apache Kafka's console tools, run in this process one after the other: what each prints, and the code that it exits with. */
final class Tools {
  private static final Map<String, String> CLASSES =
      Map.of(
          "kafka-topics", "org.apache.kafka.tools.TopicCommand",
          "kafka-configs", "kafka.admin.ConfigCommand",
          "kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
          "kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell",
          "kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand",
          "kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand",
          "kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand",
          "kafka-cluster", "org.apache.kafka.tools.ClusterTool",
          "kafka-features", "org.apache.kafka.tools.FeatureCommand",
          "kafka-e2e-latency", "org.apache.kafka.tools.EndToEndLatency");

  private Tools() {}

  private static final class Exited extends RuntimeException {
    private static final long serialVersionUID = 1;
    final int code;

    Exited(int code) {
      super(null, null, false, false);
      this.code = code;
    }
  }

  /** `{exit, lines}`. `$server` in the words is the broker, `$json` a file with the step's body. */
  static JsonNode run(String words, String body, int port) throws ReflectiveOperationException, IOException {
    Path json = Files.createTempFile("side-by-side", ".json");
    Files.writeString(json, body);
    List<String> arguments = new ArrayList<>();
    for (String word : words.split("\\s+")) {
      arguments.add(word.replace("$server", "127.0.0.1:" + port).replace("$json", json.toString()));
    }
    Class<?> tool = Class.forName(CLASSES.get(arguments.remove(0)));
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream out = System.out;
    PrintStream err = System.err;
    PrintStream both = new PrintStream(said, true, StandardCharsets.UTF_8);
    int code = 0;
    Exit.setExitProcedure((status, message) -> { throw new Exited(status); });
    Exit.setHaltProcedure((status, message) -> { throw new Exited(status); });
    System.setOut(both);
    System.setErr(both);
    try {
      // Scala's console has the streams of when it was first used.
      scala.Console.withOut(both, () -> scala.Console.withErr(both, () -> call(tool, arguments)));
    } catch (Exited exited) {
      code = exited.code;
    } finally {
      System.setOut(out);
      System.setErr(err);
      Exit.resetExitProcedure();
      Exit.resetHaltProcedure();
      Files.delete(json);
    }
    ObjectNode tree = JsonNodeFactory.instance.objectNode().put("exit", code);
    ArrayNode lines = tree.putArray("lines");
    said.toString(StandardCharsets.UTF_8).lines()
        // Where it was called from is this program.
        .filter(line -> !line.startsWith("\tat "))
        .map(line -> line.replace(json.toString(), "$json"))
        .forEach(lines::add);
    return tree;
  }

  private static Object call(Class<?> tool, List<String> arguments) {
    try {
      return tool.getMethod("main", String[].class).invoke(null, (Object) arguments.toArray(String[]::new));
    } catch (InvocationTargetException thrown) {
      if (thrown.getCause() instanceof Exited exited) {
        throw exited;
      }
      throw new IllegalStateException(thrown.getCause());
    } catch (ReflectiveOperationException missing) {
      throw new IllegalStateException(missing);
    }
  }
}
