// franz-go under the checks of ../python/suite.py, whose header describes the verbs and the lines printed here.
// Four more verbs serve the kill -9 test: `create`, and `load`, `commits` and `tail` (see load.go).
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"corelane/clienttests/checks"
)

const waitLimit = checks.WaitLimit

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

func check(err error) { checks.Check(err) }

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

func (c *client) CreateTopic(topic string, partitions int32, configs map[string]string) error {
	values := map[string]*string{}
	for name, value := range configs {
		values[name] = &value
	}
	if _, err := c.admin.CreateTopic(context.Background(), partitions, 1, values, topic); err != nil {
		return err
	}
	// Kafka answers before its partitions do.
	checks.WaitUntil("partitions answer", func() bool {
		found, err := c.admin.ListEndOffsets(context.Background(), topic)
		return err == nil && found.Error() == nil && len(found[topic]) == int(partitions)
	})
	return nil
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
	return records
}

func (c *client) Bounds(topic string) (starts, ends map[int32]int64) {
	starts, ends = map[int32]int64{}, map[int32]int64{}
	first, err := c.admin.ListStartOffsets(context.Background(), topic)
	check(err)
	last, err := c.admin.ListEndOffsets(context.Background(), topic)
	check(err)
	first.Each(func(o kadm.ListedOffset) { check(o.Err); starts[o.Partition] = o.Offset })
	last.Each(func(o kadm.ListedOffset) { check(o.Err); ends[o.Partition] = o.Offset })
	return starts, ends
}

func (c *client) Committed(group, _ string) (map[int32]int64, error) {
	found, err := c.admin.FetchOffsets(context.Background(), group)
	offsets := map[int32]int64{}
	found.Each(func(o kadm.OffsetResponse) { check(o.Err); offsets[o.Partition] = o.At })
	return offsets, err
}

func main() {
	verb, brokers, rest := os.Args[1], os.Args[2], os.Args[3:]
	c := &client{brokers: brokers, input: bufio.NewReader(os.Stdin)}
	c.admin = kadm.NewClient(c.open())
	switch verb {
	case "create":
		partitions, err := strconv.Atoi(rest[1])
		check(err)
		check(c.CreateTopic(rest[0], int32(partitions), nil))
	case "load":
		c.load(rest)
	case "commits":
		c.commits(rest)
	case "tail":
		c.tail(rest)
	default:
		checks.Main(c, verb, rest)
	}
}
