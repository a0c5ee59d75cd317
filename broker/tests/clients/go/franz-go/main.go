// franz-go under the checks of ../python/suite.py, whose header describes the verbs and the lines printed here.
// Four more verbs serve the kill -9 test: `create`, and `load`, `commits` and `tail` (see load.go).
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const waitLimit = 40 * time.Second

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

type client struct {
	brokers string
	admin   *kadm.Client
	input   *bufio.Reader
}

// check ends the current check; runSuite recovers and reports it.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect[T comparable](what string, got, want T) {
	if got != want {
		panic(fmt.Errorf("%s: got %.300v, want %.300v", what, got, want))
	}
}

func waitUntil(what string, probe func() bool) {
	deadline := time.Now().Add(waitLimit)
	for !probe() {
		if time.Now().After(deadline) {
			panic(fmt.Errorf("not within %v: %s", waitLimit, what))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *client) open(options ...kgo.Opt) *kgo.Client {
	common := []kgo.Opt{
		kgo.SeedBrokers(c.brokers),
		kgo.ClientID("corelane-franz-go"),
		kgo.RecordPartitioner(pinned{kgo.StickyKeyPartitioner(nil)}),
		kgo.ProducerBatchMaxBytes(2_000_000),
		kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.MetadataMinAge(50 * time.Millisecond),
	}
	opened, err := kgo.NewClient(append(common, options...)...)
	check(err)
	return opened
}

// pinned sends a record to the partition it names, or by its key when it names none (-1).
type pinned struct{ byKey kgo.Partitioner }

func (p pinned) ForTopic(topic string) kgo.TopicPartitioner {
	return pinnedTopic{p.byKey.ForTopic(topic)}
}

type pinnedTopic struct{ byKey kgo.TopicPartitioner }

func (p pinnedTopic) RequiresConsistency(*kgo.Record) bool { return true }
func (p pinnedTopic) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.byKey.Partition(r, n)
}

func (c *client) create(topic string, partitions int32, configs map[string]string) error {
	values := map[string]*string{}
	for name, value := range configs {
		values[name] = &value
	}
	if _, err := c.admin.CreateTopic(context.Background(), partitions, 1, values, topic); err != nil {
		return err
	}
	// Kafka answers before its partitions do.
	waitUntil("partitions answer", func() bool {
		found, err := c.admin.ListEndOffsets(context.Background(), topic)
		return err == nil && found.Error() == nil && len(found[topic]) == int(partitions)
	})
	return nil
}

// send writes all records, acks=all, and waits for each.
func (c *client) send(records []*kgo.Record, options ...kgo.Opt) {
	producer := c.open(options...)
	defer producer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	check(producer.ProduceSync(ctx, records...).FirstErr())
}

// read gives every record of a topic, ordered by partition and offset, without a group.
func (c *client) read(topic string) []*kgo.Record {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	starts, ends := c.offsets(topic)
	total, at := 0, map[int32]kgo.Offset{}
	for partition, end := range ends {
		total += int(end - starts[partition])
		at[partition] = kgo.NewOffset().At(starts[partition])
	}
	return c.readFrom(ctx, topic, at, total)
}

func (c *client) readFrom(ctx context.Context, topic string, at map[int32]kgo.Offset, total int) []*kgo.Record {
	consumer := c.open(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}), kgo.FetchMaxPartitionBytes(4_000_000))
	defer consumer.Close()
	var records []*kgo.Record
	for len(records) < total {
		fetches := consumer.PollFetches(ctx)
		if ctx.Err() != nil {
			panic(fmt.Errorf("read %d records of %d", len(records), total))
		}
		fetches.EachError(func(_ string, _ int32, err error) { check(err) })
		records = append(records, fetches.Records()...)
	}
	sort.SliceStable(records, func(i, j int) bool {
		a, b := records[i], records[j]
		return a.Partition < b.Partition || a.Partition == b.Partition && a.Offset < b.Offset
	})
	return records
}

// offsets gives start and end of each partition.
func (c *client) offsets(topic string) (starts, ends map[int32]int64) {
	starts, ends = map[int32]int64{}, map[int32]int64{}
	first, err := c.admin.ListStartOffsets(context.Background(), topic)
	check(err)
	last, err := c.admin.ListEndOffsets(context.Background(), topic)
	check(err)
	first.Each(func(o kadm.ListedOffset) { check(o.Err); starts[o.Partition] = o.Offset })
	last.Each(func(o kadm.ListedOffset) { check(o.Err); ends[o.Partition] = o.Offset })
	return starts, ends
}

func (c *client) committed(group string) map[int32]int64 {
	var found kadm.OffsetResponses
	// The first request after a restart meets the old broker's connection.
	waitUntil("offsets of the group", func() bool {
		var err error
		found, err = c.admin.FetchOffsets(context.Background(), group)
		return err == nil
	})
	offsets := map[int32]int64{}
	found.Each(func(o kadm.OffsetResponse) { check(o.Err); offsets[o.Partition] = o.At })
	return offsets
}

func toHex(data []byte) string {
	if data == nil {
		return "-"
	}
	if len(data) == 0 {
		return "."
	}
	return hex.EncodeToString(data)
}

func fromHex(text string) []byte {
	if text == "-" {
		return nil
	}
	if text == "." {
		return []byte{}
	}
	data, err := hex.DecodeString(text)
	check(err)
	return data
}

func lineOf(r *kgo.Record) string {
	headers := "."
	if len(r.Headers) > 0 {
		var pairs []string
		for _, h := range r.Headers {
			pairs = append(pairs, toHex([]byte(h.Key))+":"+toHex(h.Value))
		}
		headers = strings.Join(pairs, ",")
	}
	return fmt.Sprintf("%d %d %d %s %s %s", r.Partition, r.Offset, r.Timestamp.UnixMilli(), toHex(r.Key), toHex(r.Value), headers)
}

func recordOf(topic, line string) *kgo.Record {
	words := strings.Fields(line)
	partition, err := strconv.Atoi(words[0])
	check(err)
	millis, err := strconv.ParseInt(words[1], 10, 64)
	check(err)
	r := &kgo.Record{Topic: topic, Partition: int32(partition), Timestamp: time.UnixMilli(millis), Key: fromHex(words[2]), Value: fromHex(words[3])}
	if words[4] != "." {
		for _, pair := range strings.Split(words[4], ",") {
			name, value, _ := strings.Cut(pair, ":")
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(fromHex(name)), Value: fromHex(value)})
		}
	}
	return r
}

func main() {
	verb, brokers, rest := os.Args[1], os.Args[2], os.Args[3:]
	c := &client{brokers: brokers, input: bufio.NewReader(os.Stdin)}
	c.admin = kadm.NewClient(c.open())
	switch verb {
	case "suite":
		os.Exit(c.runSuite())
	case "produce":
		for _, argument := range rest {
			parts := strings.SplitN(argument, "=", 3)
			check(c.create(parts[0], 3, map[string]string{"max.message.bytes": "2097152"}))
			text, err := os.ReadFile(parts[2])
			check(err)
			var records []*kgo.Record
			for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				records = append(records, recordOf(parts[0], line))
			}
			c.send(records, kgo.ProducerBatchCompression(codecs[parts[1]]))
			fmt.Println("ok produce", parts[0])
		}
	case "consume":
		for _, topic := range rest[1:] {
			var out strings.Builder
			for _, r := range c.read(topic) {
				out.WriteString(lineOf(r) + "\n")
			}
			check(os.WriteFile(rest[0]+"/"+topic, []byte(out.String()), 0o644))
			fmt.Println("ok consume", topic)
		}
	case "create":
		partitions, err := strconv.Atoi(rest[1])
		check(err)
		check(c.create(rest[0], int32(partitions), nil))
	case "load":
		c.load(rest)
	case "commits":
		c.commits(rest)
	case "tail":
		c.tail(rest)
	default:
		panic("unknown verb " + verb)
	}
}
