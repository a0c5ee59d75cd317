// Batches beyond what the broker takes in one piece, from an idempotent producer: LargeBatches BROKERS TOPIC COUNT BYTES
//
// Sends COUNT records of BYTES in one batch, which the client must split when the broker refuses it, and some more after it.
// Prints "ok split" when all were acknowledged in order without a gap.

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class LargeBatches {
    public static void main(String[] words) throws Exception {
        int count = Integer.parseInt(words[2]), bytes = Integer.parseInt(words[3]);
        Map<String, Object> config = Map.of(
                "bootstrap.servers", words[0],
                "acks", "all",
                "enable.idempotence", true,
                "batch.size", 2 * count * bytes,
                "max.request.size", 4 * count * bytes,
                "buffer.memory", 16L * count * bytes,
                "linger.ms", 1000);
        try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            long next = 0;
            for (int round = 0; round < 2; round++) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    sent.add(producer.send(new ProducerRecord<>(words[1], 0, null, new byte[bytes])));
                }
                for (Future<RecordMetadata> future : sent) {
                    long offset = future.get(60, TimeUnit.SECONDS).offset();
                    if (offset != next) {
                        throw new IllegalStateException("offset " + offset + " where " + next + " is next");
                    }
                    next++;
                }
            }
        }
        System.out.println("ok split");
    }
}
