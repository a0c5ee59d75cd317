package sidebyside;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.SchemaException;
import sidebyside.Peer.Question;
import sidebyside.Script.Step;
import sidebyside.Trees.Difference;

/**
 * Sends the same scripts to Apache Kafka and to this broker, and says where their answers differ.
 *
 * <p>`SideBySide KAFKA_PORT OUR_PORT SCRIPT…` prints `ok SCRIPT COUNT`, or `FAIL SCRIPT:LINE …`; `difference NAME` for each
 * one on purpose that was found where its script says.
 */
public final class SideBySide {
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
  private static final long UNTIL_LIMIT_MS = 20_000;
  /** Kafka answers a creation before its own broker knows of it. */
  private static final long POLL_MS = 20;

  private final Peer kafka;
  private final Peer ours;
  /** What was asked and not yet answered, by connection. */
  private final Map<String, Question> begun = new HashMap<>();
  private final TreeSet<String> differences = new TreeSet<>();
  private final List<String> failures = new ArrayList<>();
  /** What any answer of the script that runs may differ in: a field's name, its claim, the difference's name. */
  private final List<String[]> everywhere = new ArrayList<>();
  private int compared;

  private SideBySide(Peer kafka, Peer ours) {
    this.kafka = kafka;
    this.ours = ours;
  }

  public static void main(String[] arguments) throws Exception {
    long now = System.currentTimeMillis();
    try (Peer kafka = new Peer(Integer.parseInt(arguments[0]), now); Peer ours = new Peer(Integer.parseInt(arguments[1]), now)) {
      SideBySide both = new SideBySide(kafka, ours);
      both.awaitCoordinators();
      for (String path : List.of(arguments).subList(2, arguments.length)) {
        both.run(Script.read(Path.of(path)));
      }
      both.differences.forEach(name -> System.out.println("difference " + name));
      System.out.println("compared " + both.compared);
      System.exit(both.failures.isEmpty() ? 0 : 1);
    }
  }

  private void run(Script script) throws IOException {
    everywhere.clear();
    kafka.names.forget();
    ours.names.forget();
    int before = compared;
    int failed = failures.size();
    long begin = System.currentTimeMillis();
    for (Step step : script.steps()) {
      try {
        run(step, script.name() + ":" + step.line() + " ");
      } catch (IOException | ReflectiveOperationException | RuntimeException broken) {
        fail(script.name() + ":" + step.line() + " " + step.verb() + " " + broken);
        kafka.forget(step.connection());
        ours.forget(step.connection());
      }
    }
    String verdict = failures.size() == failed ? "ok " : "not ok ";
    System.out.println(verdict + script.name() + " " + (compared - before) + " in " + (System.currentTimeMillis() - begin) + " ms");
  }

  private void fail(String why) {
    failures.add(why);
    System.out.println("FAIL " + why);
  }

  private void run(Step step, String where) throws IOException, ReflectiveOperationException {
    switch (step.verb()) {
      case "topic" -> createTopic(step);
      case "retire" -> deleteTopic(step.words());
      case "raw", "bytes" -> {
        byte[] bytes = HexFormat.of().parseHex(step.words().replaceAll("\\s", ""));
        for (Peer peer : List.of(kafka, ours)) {
          if (step.verb().equals("raw")) {
            peer.wire(step.connection()).send(bytes);
          } else {
            peer.wire(step.connection()).sendBytes(bytes);
          }
        }
        compare(step, where, kafka.receiveBytes(step.connection()), ours.receiveBytes(step.connection()));
      }
      case "tool" -> {
        JsonNode kafkas = Tools.run(step.words(), step.body(), kafka.port);
        JsonNode own = Tools.run(step.words(), step.body(), ours.port);
        compare(step, where, masked(step, kafkas), masked(step, own));
      }
      case "everywhere" -> everywhere.add(step.words().split(" |: ", 3));
      case "close" -> {
        kafka.forget(step.connection());
        ours.forget(step.connection());
      }
      case "begin", "quiet" -> {
        Question question = question(step, step.words());
        begun.put(step.connection(), question);
        kafka.send(step.connection(), question);
        ours.send(step.connection(), question);
      }
      case "await" -> {
        Question question = begun.remove(step.connection());
        compare(step, where, kafka.receive(step.connection(), question), ours.receive(step.connection(), question));
      }
      default -> {
        for (short version : Script.versions(step.words())) {
          ask(step, where + step.verb() + " " + version + " ", question(step, step.verb() + " " + version));
        }
      }
    }
  }

  private static Question question(Step step, String words) throws IOException {
    String[] parts = words.trim().split("\\s+");
    ApiMessageType api = ApiMessageType.valueOf(parts[0].replaceAll("(?<!^)([A-Z])", "_$1").toUpperCase());
    short version = Short.parseShort(parts[1]);
    short claimed = step.notes("as ").stream().map(Short::valueOf).findFirst().orElse(version);
    int cut = step.notes("cut ").stream().mapToInt(Integer::parseInt).sum();
    int extend = step.notes("extend ").stream().mapToInt(Integer::parseInt).sum();
    return new Question(api, version, claimed, YAML.readTree(step.body()), cut, extend);
  }

  private void ask(Step step, String where, Question question) throws IOException, ReflectiveOperationException {
    long deadline = System.currentTimeMillis() + UNTIL_LIMIT_MS;
    while (true) {
      kafka.send(step.connection(), question);
      ours.send(step.connection(), question);
      JsonNode kafkas = kafka.receive(step.connection(), question);
      JsonNode own = ours.receive(step.connection(), question);
      boolean isThere = isAsWished(step, kafkas) && isAsWished(step, own);
      if (isThere || System.currentTimeMillis() > deadline) {
        compare(step, where, kafkas, own);
        if (!isThere) {
          fail(where + "never became " + step.notes("until ") + ": " + Trees.shown(kafkas) + " | " + Trees.shown(own));
        }
        return;
      }
      sleep();
    }
  }

  /** Figures that are measured differ each time. */
  private static JsonNode masked(Step step, JsonNode said) throws IOException {
    return step.notes("figures").isEmpty() ? said : YAML.readTree(said.toString().replaceAll("[0-9]+([.][0-9]+)?", "N"));
  }

  private static boolean isAsWished(Step step, JsonNode answer) {
    return step.notes("until ").stream()
        .allMatch(wish -> {
          String[] parts = wish.split(": ", 2);
          return Trees.shown(Trees.at(answer, parts[0])).equals(parts[1]);
        });
  }

  private void compare(Step step, String where, JsonNode kafkas, JsonNode own) {
    compared += 1;
    for (String note : step.notes("$")) {
      String[] parts = note.split("\\s*=\\s*", 2);
      kafka.keep(parts[0], Trees.at(kafkas, parts[1]));
      ours.keep(parts[0], Trees.at(own, parts[1]));
    }
    JsonNode left = kafka.names.normal("", kafkas);
    JsonNode right = ours.names.normal("", own);
    for (String note : step.notes("differs ")) {
      // NAME PATH: KAFKA'S | OURS
      String[] parts = note.split(" ", 2);
      String[] claim = parts[1].split(": ", 2);
      Difference stated = new Difference(claim[0], Trees.at(left, claim[0]), Trees.at(right, claim[0]));
      if (stated.kafka().equals(stated.ours())) {
        fail(where + "no longer differs at " + claim[0] + ": " + Trees.shown(stated.kafka()));
      } else if (!stated.isClaimedBy(claim[1])) {
        fail(where + "differs otherwise than " + note + ": " + stated);
      }
      differences.add(parts[0]);
      left = Trees.with(left, claim[0], Trees.text("differs"));
      right = Trees.with(right, claim[0], Trees.text("differs"));
    }
    for (Difference difference : Trees.differences(left, right)) {
      // NAME FIELD: KAFKA'S | OURS
      var known = everywhere.stream().filter(one -> one[1].equals(difference.field()) && difference.isClaimedBy(one[2])).findFirst();
      known.ifPresentOrElse(one -> differences.add(one[0]), () -> fail(where + difference));
    }
    if (System.getenv("SIDE_BY_SIDE_SHOW") != null) {
      System.out.println("  " + where + left);
    }
  }

  /** `topic NAME PARTITIONS {configs}`. */
  private void createTopic(Step step) throws IOException, ReflectiveOperationException {
    String[] words = step.words().split("\\s+");
    ObjectNode body = YAML.createObjectNode().put("timeoutMs", 30_000);
    ObjectNode topic = body.putArray("topics").addObject().put("name", words[0]);
    topic.put("numPartitions", Integer.parseInt(words[1])).put("replicationFactor", 1);
    topic.putArray("configs");
    for (var config : YAML.readTree(step.body()).properties()) {
      topic.withArray("configs").addObject().put("name", config.getKey()).put("value", config.getValue().asText());
    }
    for (Peer peer : List.of(kafka, ours)) {
      JsonNode answer = peer.ask(ApiMessageType.CREATE_TOPICS, 7, body);
      expect(answer, "topics[0].errorCode", Errors.NONE);
      peer.keep(words[0] + ".id", Trees.at(answer, "topics[0].topicId"));
      awaitMetadata(peer, words[0], Integer.parseInt(words[1]));
    }
  }

  private void deleteTopic(String name) throws IOException, ReflectiveOperationException {
    ObjectNode body = YAML.createObjectNode().put("timeoutMs", 30_000);
    body.putArray("topicNames").add(name);
    for (Peer peer : List.of(kafka, ours)) {
      expect(peer.ask(ApiMessageType.DELETE_TOPICS, 5, body), "responses[0].errorCode", Errors.NONE);
      awaitMetadata(peer, name, 0);
    }
  }

  /** Until the topic has so many partitions, and each of them answers: Kafka knows leaders before they know themselves. */
  private static void awaitMetadata(Peer peer, String name, int partitions) throws IOException, ReflectiveOperationException {
    ObjectNode body = YAML.createObjectNode().put("allowAutoTopicCreation", false);
    body.putArray("topics").addObject().put("name", name);
    ObjectNode offsets = YAML.createObjectNode().put("replicaId", -1);
    var latest = offsets.putArray("topics").addObject().put("name", name).putArray("partitions");
    for (int partition = 0; partition < partitions; partition++) {
      latest.addObject().put("partitionIndex", partition).put("currentLeaderEpoch", -1).put("timestamp", -1);
    }
    await("partitions of " + name, () -> {
      int led = 0;
      for (JsonNode one : Trees.at(peer.ask(ApiMessageType.METADATA, 12, body), "topics[0].partitions")) {
        led += one.path("leaderId").asInt() >= 0 ? 1 : 0;
      }
      int serving = 0;
      for (JsonNode one : Trees.at(peer.ask(ApiMessageType.LIST_OFFSETS, 7, offsets), "topics[0].partitions")) {
        serving += one.path("errorCode").asText().equals("NONE") ? 1 : 0;
      }
      return led == partitions && serving == partitions;
    });
  }

  /** The topic of offsets is made when somebody first asks for it. */
  private void awaitCoordinators() throws IOException, ReflectiveOperationException {
    ObjectNode find = YAML.createObjectNode().put("keyType", 0);
    find.putArray("coordinatorKeys").add("side");
    ObjectNode offsets = YAML.createObjectNode();
    offsets.putArray("groups").addObject().put("groupId", "side").putNull("topics");
    for (Peer peer : List.of(kafka, ours)) {
      await("a coordinator", () -> {
        String found = Trees.shown(Trees.at(peer.ask(ApiMessageType.FIND_COORDINATOR, 4, find), "coordinators[0].errorCode"));
        String read = Trees.shown(Trees.at(peer.ask(ApiMessageType.OFFSET_FETCH, 8, offsets), "groups[0].errorCode"));
        return found.equals("NONE") && read.equals("NONE");
      });
    }
  }

  private interface Condition {
    boolean isMet() throws IOException, ReflectiveOperationException;
  }

  private static void await(String what, Condition condition) throws IOException, ReflectiveOperationException {
    long deadline = System.currentTimeMillis() + UNTIL_LIMIT_MS;
    while (!condition.isMet()) {
      if (System.currentTimeMillis() > deadline) {
        throw new IOException("waited in vain for " + what);
      }
      sleep();
    }
  }

  private static void expect(JsonNode answer, String path, Errors error) {
    String found = Trees.shown(Trees.at(answer, path));
    if (!found.equals(error.name())) {
      throw new SchemaException(path + " is " + found + ", not " + error.name());
    }
  }

  private static void sleep() {
    try {
      Thread.sleep(POLL_MS);
    } catch (InterruptedException stopped) {
      throw new IllegalStateException(stopped);
    }
  }
}
