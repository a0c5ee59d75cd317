// Apache Kafka's own Java client under the checks of ../python/suite.py, whose header describes the verbs and the lines
// printed here.

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Suite {
    static final long WAIT_SECONDS = 40;
    static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};

    interface Check {
        void run(String topic) throws Exception;
    }

    final String brokers;
    final Admin admin;
    final BufferedReader input = new BufferedReader(new InputStreamReader(System.in));

    Suite(String brokers) {
        this.brokers = brokers;
        this.admin = Admin.create(Map.of("bootstrap.servers", brokers, "reconnect.backoff.max.ms", "500"));
    }

    // ---- what the checks are made of ----

    static <T> T get(Future<T> future) throws Exception {
        try {
            return future.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException error) {
            throw error.getCause() instanceof Exception cause ? cause : error;
        }
    }

    static void waitUntil(String what, BooleanSupplier probe) throws Exception {
        long deadline = System.nanoTime() + WAIT_SECONDS * 1_000_000_000L;
        while (!probe.getAsBoolean()) {
            if (System.nanoTime() > deadline) throw new AssertionError("not within " + WAIT_SECONDS + " s: " + what);
            Thread.sleep(10);
        }
    }

    static void expectEqual(String what, Object got, Object want) {
        if (!Objects.equals(got, want)) {
            throw new AssertionError(what + ": got " + cut(got) + ", want " + cut(want));
        }
    }

    static String cut(Object value) {
        String text = String.valueOf(value);
        return text.substring(0, Math.min(300, text.length()));
    }

    /** Bytes that do not compress, the same for the same seed. */
    static byte[] noise(int seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    static String hex(byte[] data) {
        return data == null ? "-" : data.length == 0 ? "." : HexFormat.of().formatHex(data);
    }

    static byte[] fromHex(String text) {
        return text.equals("-") ? null : text.equals(".") ? new byte[0] : HexFormat.of().parseHex(text);
    }

    static String body(byte[] key, byte[] value, Iterable<Header> headers) {
        StringJoiner pairs = new StringJoiner(",");
        pairs.setEmptyValue(".");
        for (Header h : headers) pairs.add(hex(bytes(h.key())) + ":" + hex(h.value()));
        return hex(key) + " " + hex(value) + " " + pairs;
    }

    static String line(ConsumerRecord<byte[], byte[]> r) {
        return r.partition() + " " + r.offset() + " " + r.timestamp() + " " + body(r.key(), r.value(), r.headers());
    }

    void create(String topic, int partitions, Map<String, String> configs) throws Exception {
        get(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all());
        // Kafka answers before its partitions do.
        waitUntil("partitions answer", () -> {
            try {
                return ends(topic, partitions).size() == partitions;
            } catch (Exception error) {
                return false;
            }
        });
    }

    KafkaProducer<byte[], byte[]> producer(String codec) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", brokers);
        config.put("compression.type", codec);
        config.put("acks", "all");
        config.put("linger.ms", 2);
        config.put("max.request.size", 4_000_000);
        config.put("reconnect.backoff.max.ms", 500);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static ProducerRecord<byte[], byte[]> record(String topic, Integer partition, String key, String value) {
        return new ProducerRecord<>(topic, partition, bytes(key), bytes(value));
    }

    List<RecordMetadata> send(String codec, List<ProducerRecord<byte[], byte[]>> records) throws Exception {
        try (var producer = producer(codec)) {
            var futures = records.stream().map(producer::send).toList();
            List<RecordMetadata> placed = new ArrayList<>();
            for (var future : futures) placed.add(get(future));
            return placed;
        }
    }

    KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", brokers);
        config.put("enable.auto.commit", false);
        config.put("auto.offset.reset", "earliest");
        config.put("max.partition.fetch.bytes", 4_000_000);
        config.put("reconnect.backoff.max.ms", 500);
        config.putAll(more);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<TopicPartition> places(String topic, int partitions) {
        return IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
    }

    List<ConsumerRecord<byte[], byte[]>> read(String topic, int partitions) {
        try (var consumer = consumer(Map.of())) {
            var places = places(topic, partitions);
            consumer.assign(places);
            consumer.seekToBeginning(places);
            long total = consumer.endOffsets(places).values().stream().mapToLong(Long::longValue).sum();
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            long deadline = System.nanoTime() + WAIT_SECONDS * 1_000_000_000L;
            while (records.size() < total) {
                if (System.nanoTime() > deadline) throw new AssertionError("read " + records.size() + " of " + total);
                consumer.poll(Duration.ofMillis(200)).forEach(records::add);
            }
            records.sort(Comparator.<ConsumerRecord<byte[], byte[]>>comparingInt(ConsumerRecord::partition).thenComparingLong(ConsumerRecord::offset));
            return records;
        }
    }

    Map<Integer, Long> ends(String topic, int partitions) throws Exception {
        return offsets(topic, partitions, OffsetSpec.latest());
    }

    Map<Integer, Long> offsets(String topic, int partitions, OffsetSpec spec) throws Exception {
        Map<TopicPartition, OffsetSpec> wanted = places(topic, partitions).stream().collect(Collectors.toMap(p -> p, p -> spec));
        Map<Integer, Long> offsets = new TreeMap<>();
        get(admin.listOffsets(wanted).all()).forEach((place, found) -> offsets.put(place.partition(), found.offset()));
        return offsets;
    }

    Map<Integer, Long> committed(String group) throws Exception {
        Map<Integer, Long> offsets = new TreeMap<>();
        get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata())
            .forEach((place, found) -> offsets.put(place.partition(), found.offset()));
        return offsets;
    }

    /** A member of a group in its own thread, committing what it has read. */
    class Member {
        final AtomicInteger count = new AtomicInteger();
        final AtomicBoolean isStopping = new AtomicBoolean();
        final CompletableFuture<Void> done = new CompletableFuture<>();

        Member(String group, Map<String, Object> config, Consumer<String> onValue) {
            Map<String, Object> all = new HashMap<>(config);
            all.put("group.id", group);
            Thread thread = new Thread(() -> {
                try (var consumer = consumer(all)) {
                    consumer.subscribe(List.of(group));
                    while (!isStopping.get()) {
                        for (var r : consumer.poll(Duration.ofMillis(100))) {
                            onValue.accept(new String(r.value()));
                            count.incrementAndGet();
                        }
                        try {
                            consumer.commitSync();
                        } catch (CommitFailedException | RebalanceInProgressException error) {
                            // Between two generations a commit may be refused; the records are then read again.
                        }
                    }
                    done.complete(null);
                } catch (Throwable error) {
                    done.completeExceptionally(error);
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        boolean hasRead(int more) {
            if (done.isCompletedExceptionally()) done.join();
            return count.get() > more;
        }

        void stop() throws Exception {
            isStopping.set(true);
            get(done);
        }
    }

    // ---- the checks ----

    int partitionsOf(String topic) {
        try {
            return get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().size();
        } catch (UnknownTopicOrPartitionException error) {
            return 0;
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }

    String retention(ConfigResource resource) {
        try {
            return get(admin.describeConfigs(List.of(resource)).all()).get(resource).get("retention.ms").value();
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }

    void adminCheck(String name) throws Exception {
        create(name, 3, Map.of("retention.ms", "7200000"));
        waitUntil("topic has 3 partitions", () -> partitionsOf(name) == 3);
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
        expectEqual("retention.ms", retention(resource), "7200000");
        var set = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
        get(admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all());
        waitUntil("altered config shows", () -> retention(resource).equals("3600000"));
        get(admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all());
        waitUntil("topic has 5 partitions", () -> partitionsOf(name) == 5);
        try {
            create(name, 1, Map.of());
            throw new AssertionError("creating the topic twice was accepted");
        } catch (TopicExistsException expected) {
            // As it should.
        }
        expectEqual("brokers", get(admin.describeCluster().nodes()).size(), 1);
        get(admin.deleteTopics(List.of(name)).all());
        waitUntil("topic is gone", () -> partitionsOf(name) == 0);
    }

    Check roundtrip(String codec) {
        return name -> {
            create(name, 3, Map.of());
            long base = System.currentTimeMillis() - 3_600_000;
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            List<List<String>> want = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            for (int i = 0; i < 600; i++) {
                byte[][] keys = {null, {}, bytes("key-" + i), noise(i, 40)};
                byte[][] values = {bytes("value-" + i), noise(i, i % 700), {}, bytes("a".repeat(i * 7 % 3000)), null};
                List<List<Header>> headers = List.of(
                    List.of(),
                    List.of(new RecordHeader("trace", noise(i, 16))),
                    List.of(new RecordHeader("a", new byte[] {0, -1}), new RecordHeader("ü", (byte[]) null), new RecordHeader("a", new byte[0])));
                var r = new ProducerRecord<>(name, i % 3, base + i * 10L, keys[i % 4], values[i % 5], headers.get(i % 3));
                var mine = want.get(i % 3);
                mine.add(i % 3 + " " + mine.size() + " " + r.timestamp() + " " + body(r.key(), r.value(), r.headers()));
                records.add(r);
            }
            send(codec, records);
            List<String> all = want.stream().flatMap(List::stream).toList();
            var got = read(name, 3);
            expectEqual("record count", got.size(), all.size());
            for (int i = 0; i < all.size(); i++) expectEqual("record", line(got.get(i)), all.get(i));
        };
    }

    void oneMib(String name) throws Exception {
        create(name, 1, Map.of("max.message.bytes", "2097152"));
        byte[][] values = {noise(1, 1 << 20), bytes("z".repeat(1 << 20)), noise(2, 1 << 20)};
        for (byte[] value : values) send("none", List.of(new ProducerRecord<>(name, 0, null, value)));
        var sha = MessageDigest.getInstance("SHA-256");
        var got = read(name, 1);
        expectEqual("count", got.size(), 3);
        for (int i = 0; i < 3; i++) expectEqual("checksum", hex(sha.digest(got.get(i).value())), hex(sha.digest(values[i])));
    }

    void keyed(String name) throws Exception {
        create(name, 4, Map.of());
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 4000; i++) records.add(record(name, null, "k" + i % 97, "" + i));
        send("lz4", records);
        Map<String, Integer> home = new HashMap<>(), last = new HashMap<>();
        var got = read(name, 4);
        expectEqual("record count", got.size(), 4000);
        for (var r : got) {
            String key = new String(r.key());
            home.putIfAbsent(key, r.partition());
            expectEqual("partition of " + key, r.partition(), home.get(key));
            int number = Integer.parseInt(new String(r.value()));
            Integer before = last.put(key, number);
            if (before != null && number <= before) throw new AssertionError(key + ": " + number + " after " + before);
        }
        expectEqual("partitions used", new HashSet<>(home.values()).size(), 4);
    }

    void listOffsets(String name) throws Exception {
        create(name, 1, Map.of());
        expectEqual("empty log", ends(name, 1), Map.of(0, 0L));
        long base = System.currentTimeMillis() - 1_000_000;
        try (var producer = producer("none")) {
            for (int i = 0; i < 100; i++) {
                producer.send(new ProducerRecord<>(name, 0, base + i * 1000L, null, bytes("" + i)));
                if (i % 10 == 9) producer.flush();
            }
        }
        expectEqual("start", offsets(name, 1, OffsetSpec.earliest()), Map.of(0, 0L));
        expectEqual("end", ends(name, 1), Map.of(0, 100L));
        expectEqual("of the highest time", offsets(name, 1, OffsetSpec.maxTimestamp()), Map.of(0, 99L));
        long[][] cases = {{-5, 0}, {0, 0}, {1, 1}, {55_000, 55}, {99_000, 99}, {99_001, -1}};
        for (long[] one : cases) {
            expectEqual("offset at " + one[0], offsets(name, 1, OffsetSpec.forTimestamp(base + one[0])), Map.of(0, one[1]));
        }
    }

    void expectEvery(String name, int count) {
        Map<Integer, List<Integer>> got = new TreeMap<>();
        for (var r : read(name, 2)) {
            got.computeIfAbsent(r.partition(), p -> new ArrayList<>()).add(Integer.parseInt(new String(r.value())));
        }
        for (int p = 0; p < 2; p++) {
            int first = p;
            expectEqual("partition " + p, got.get(p), IntStream.range(0, count / 2).map(i -> i * 2 + first).boxed().toList());
        }
    }

    void idempotent(String name) throws Exception {
        create(name, 2, Map.of());
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 6000; i++) records.add(record(name, i % 2, null, "" + i));
        send("zstd", records); // This client's producer is idempotent unless told otherwise.
        expectEvery(name, 6000);
    }

    Check groups(Map<String, Object> config) {
        return name -> {
            create(name, 4, Map.of());
            Set<String> sent = ConcurrentHashMap.newKeySet(), read = ConcurrentHashMap.newKeySet();
            var isWriting = new AtomicBoolean(true);
            var writer = CompletableFuture.runAsync(() -> {
                try (var producer = producer("none")) {
                    while (isWriting.get()) {
                        var values = IntStream.range(sent.size(), sent.size() + 40).mapToObj(String::valueOf).toList();
                        List<Future<RecordMetadata>> futures = new ArrayList<>();
                        for (int i = 0; i < 40; i++) futures.add(producer.send(record(name, i % 4, null, values.get(i))));
                        for (var future : futures) get(future);
                        sent.addAll(values);
                        Thread.sleep(20);
                    }
                } catch (Exception error) {
                    throw new CompletionException(error);
                }
            });
            List<Member> members = new ArrayList<>();
            try {
                members.add(new Member(name, config, read::add));
                waitUntil("first member reads", () -> members.get(0).hasRead(100));
                members.add(new Member(name, config, read::add));
                members.add(new Member(name, config, read::add));
                waitUntil("second and third member read", () -> members.get(1).hasRead(40) && members.get(2).hasRead(40));
                members.get(0).stop();
                int seen = read.size();
                waitUntil("group goes on without the first", () -> read.size() > seen + 200);
                members.add(new Member(name, config, read::add));
                waitUntil("fourth member reads", () -> members.get(3).hasRead(40));
            } finally {
                isWriting.set(false);
            }
            get(writer);
            waitUntil("all records are read", () -> read.containsAll(sent));
            expectEqual("the group is listed", get(admin.listGroups().all()).stream().anyMatch(g -> g.groupId().equals(name)), true);
            expectEqual("members", get(admin.describeConsumerGroups(List.of(name)).all()).get(name).members().size(), 3);
            for (var member : members.subList(1, 4)) member.stop();
            expectEqual("committed offsets", committed(name), ends(name, 4));

            List<String> late = Collections.synchronizedList(new ArrayList<>());
            var member = new Member(name, config, late::add);
            send("none", IntStream.range(0, 4).mapToObj(p -> record(name, p, null, "late-" + p)).toList());
            waitUntil("new member reads the new records", () -> member.hasRead(3));
            member.stop();
            expectEqual("new member starts at the commit", late.stream().sorted().toList(), List.of("late-0", "late-1", "late-2", "late-3"));
            get(admin.deleteConsumerGroups(List.of(name)).all());
        };
    }

    static final Map<String, Object> CLASSIC = Map.of("group.protocol", "classic", "heartbeat.interval.ms", 300, "session.timeout.ms", 10_000);

    void restart(String name) throws Exception {
        create(name, 2, Map.of());
        Set<String> got = ConcurrentHashMap.newKeySet();
        try (var producer = producer("none")) {
            List<Future<RecordMetadata>> futures = new ArrayList<>();
            for (int i = 0; i < 500; i++) futures.add(producer.send(record(name, i % 2, null, "" + i)));
            for (var future : futures) get(future);
            var member = new Member(name, CLASSIC, got::add);
            waitUntil("member reads before", () -> got.size() == 500);
            System.out.println("restart");
            expectEqual("harness", input.readLine(), "done");
            futures.clear();
            for (int i = 500; i < 1000; i++) futures.add(producer.send(record(name, i % 2, null, "" + i)));
            for (var future : futures) get(future);
            waitUntil("member reads after", () -> got.size() == 1000);
            member.stop();
        }
        expectEqual("committed", committed(name), Map.of(0, 500L, 1, 500L));
        expectEvery(name, 1000);
    }

    int run() {
        Map<String, Check> checks = new LinkedHashMap<>();
        checks.put("admin", this::adminCheck);
        for (String codec : CODECS) checks.put("roundtrip_" + codec, roundtrip(codec));
        checks.put("one_mib", this::oneMib);
        checks.put("keyed", this::keyed);
        checks.put("list_offsets", this::listOffsets);
        checks.put("idempotent", this::idempotent);
        checks.put("groups", groups(CLASSIC));
        checks.put("restart", this::restart);
        int failed = 0;
        for (var one : checks.entrySet()) {
            long begin = System.nanoTime();
            try {
                one.getValue().run("java-" + one.getKey() + "-" + ProcessHandle.current().pid());
                System.out.printf(Locale.ROOT, "ok %s %.1fs%n", one.getKey(), (System.nanoTime() - begin) / 1e9);
            } catch (Throwable error) {
                failed = 1;
                error.printStackTrace();
                System.out.println("FAIL " + one.getKey() + " " + cut(error).replaceAll("\\s+", " "));
            }
        }
        return failed;
    }

    void produceFile(String topic, String codec, String path) throws Exception {
        create(topic, 3, Map.of("max.message.bytes", "2097152"));
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(path))) {
            String[] words = line.split(" ");
            List<Header> headers = new ArrayList<>();
            if (!words[4].equals(".")) {
                for (String pair : words[4].split(",")) {
                    String[] parts = pair.split(":");
                    headers.add(new RecordHeader(new String(fromHex(parts[0]), StandardCharsets.UTF_8), fromHex(parts[1])));
                }
            }
            records.add(new ProducerRecord<>(topic, Integer.parseInt(words[0]), Long.parseLong(words[1]), fromHex(words[2]), fromHex(words[3]), headers));
        }
        send(codec, records);
        System.out.println("ok produce " + topic);
    }

    public static void main(String[] arguments) throws Exception {
        var suite = new Suite(arguments[1]);
        var rest = List.of(arguments).subList(2, arguments.length);
        int code = 0;
        switch (arguments[0]) {
            case "suite" -> code = suite.run();
            case "produce" -> {
                for (String one : rest) {
                    String[] parts = one.split("=", 3);
                    suite.produceFile(parts[0], parts[1], parts[2]);
                }
            }
            case "consume" -> {
                for (String topic : rest.subList(1, rest.size())) {
                    try (BufferedWriter out = Files.newBufferedWriter(Path.of(rest.get(0), topic))) {
                        for (var r : suite.read(topic, 3)) out.write(line(r) + "\n");
                    }
                    System.out.println("ok consume " + topic);
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        suite.admin.close(Duration.ofSeconds(1));
        System.exit(code);
    }
}
