package sidebyside;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A text file of requests. A line that begins at its start is a step; indented lines go on with it.
 *
 * <pre>
 * # what follows is a remark
 * topic words 3 {max.message.bytes: 1000}     makes a topic on both brokers, and waits until it is led; its id is $words.id
 * retire words                                deletes it, and waits until it is gone
 * Metadata 0-4,9 {topics: [{name: words}]}    a request in each of these versions, its fields in YAML's braces
 *   as 99                                     under the header of another version
 *   cut 3 | extend 3                          without its last bytes; with more of them
 *   $leader = topics[name=words].partitions[0].leaderId      keeps a part of the answer, each broker's own
 *   until PATH: VALUE                         asks again until both answer so
 *   differs NAME PATH: KAFKA'S | OURS         a difference that stands in the table of differences; * is whatever there is
 * everywhere NAME FIELD: KAFKA'S | OURS       one that any answer from here on may have at a field of this name
 * quiet Produce 3 {acks: 0, …}                is not answered
 * raw 00ff                                    a frame of these bytes;  bytes 00ff  without a length before them
 * tool kafka-topics --bootstrap-server $server --list      one of Kafka's console tools: what it prints, and its exit code
 *   figures                                   its numbers are measured, and not compared
 * @two Heartbeat 4 {…}                        on a connection of its own
 * @two begin JoinGroup 5 {…}                  the answer comes later …
 * @two await                                  … and is compared here
 * </pre>
 */
record Script(String name, List<Step> steps) {

  /** One step: its line, its words, the indented lines below it. */
  record Step(int line, String connection, String verb, String words, String body, List<String> notes) {
    /** What notes of one kind say. */
    List<String> notes(String kind) {
      return notes.stream().filter(one -> one.startsWith(kind)).map(one -> one.substring(kind.length()).trim()).toList();
    }
  }

  private static final List<String> NOTES = List.of("as ", "cut ", "extend ", "$", "until ", "differs ", "figures");

  static Script read(Path path) throws IOException {
    List<Step> steps = new ArrayList<>();
    List<String> lines = Files.readAllLines(path);
    for (int at = 0; at < lines.size(); ) {
      int first = at;
      if (isRemark(lines.get(at++))) {
        continue;
      }
      StringBuilder text = new StringBuilder(lines.get(first));
      List<String> notes = new ArrayList<>();
      while (at < lines.size() && (lines.get(at).startsWith(" ") || isRemark(lines.get(at)))) {
        String line = lines.get(at++).trim();
        if (NOTES.stream().anyMatch(line::startsWith)) {
          notes.add(line);
        } else if (!isRemark(line)) {
          text.append('\n').append(line);
        }
      }
      steps.add(step(first + 1, text.toString(), notes));
    }
    return new Script(path.getFileName().toString().replace(".txt", ""), steps);
  }

  private static boolean isRemark(String line) {
    return line.isBlank() || line.startsWith("#");
  }

  private static Step step(int line, String text, List<String> notes) {
    String connection = "main";
    if (text.startsWith("@")) {
      String[] parts = text.substring(1).split("\\s+", 2);
      connection = parts[0];
      text = parts[1];
    }
    int brace = text.startsWith("everywhere ") ? -1 : text.indexOf('{');
    String words = brace < 0 ? text : text.substring(0, brace);
    String body = brace < 0 ? "{}" : text.substring(brace);
    String[] parts = words.trim().split("\\s+", 2);
    return new Step(line, connection, parts[0], parts.length > 1 ? parts[1] : "", body, notes);
  }

  /** `0-3,9` one by one. */
  static List<Short> versions(String words) {
    List<Short> all = new ArrayList<>();
    for (String part : words.split(",")) {
      String[] ends = part.split("-");
      short last = Short.parseShort(ends[ends.length - 1]);
      for (short version = Short.parseShort(ends[0]); version <= last; version++) {
        all.add(version);
      }
    }
    return all;
  }
}
