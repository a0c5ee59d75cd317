// IBM/sarama under the checks of ../checks.
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"corelane/clienttests/checks"
)

var codecs = map[string]sarama.CompressionCodec{
	"none":   sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

type client struct {
	brokers []string
	admin   sarama.ClusterAdmin
}

func main() {
	c := &client{brokers: strings.Split(os.Args[2], ",")}
	var err error
	c.admin, err = sarama.NewClusterAdmin(c.brokers, c.config())
	checks.Check(err)
	checks.Main(c, os.Args[1], os.Args[3:])
}

func (c *client) config() *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = "corelane-sarama"
	config.Version = sarama.MaxVersion
	config.Metadata.Retry.Max = 100
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	return config
}

func (c *client) open(config *sarama.Config) sarama.Client {
	opened, err := sarama.NewClient(c.brokers, config)
	checks.Check(err)
	return opened
}

func (c *client) Name() string           { return "sarama" }
func (c *client) ReadsEmptyAsNull() bool { return false }
func (c *client) IsEverIdempotent() bool { return true }

func (c *client) CreateTopic(topic string, partitions int32, configs map[string]string) error {
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: map[string]*string{}}
	for key, value := range configs {
		detail.ConfigEntries[key] = &value
	}
	if err := c.admin.CreateTopic(topic, detail, false); err != nil {
		return err
	}
	checks.WaitUntil("partitions answer", func() bool {
		asked := c.open(c.config())
		defer asked.Close()
		for partition := range partitions {
			if _, err := asked.GetOffset(topic, partition, sarama.OffsetNewest); err != nil {
				return false
			}
		}
		return true
	})
	return nil
}

func (c *client) IsTopicExists(err error) bool { return errors.Is(err, sarama.ErrTopicAlreadyExists) }

func (c *client) DeleteTopic(topic string) error { return c.admin.DeleteTopic(topic) }

func (c *client) Partitions(topic string) int {
	described, err := c.admin.DescribeTopics([]string{topic})
	checks.Check(err)
	if described[0].Err != sarama.ErrNoError {
		return 0
	}
	return len(described[0].Partitions)
}

func (c *client) AddPartitions(topic string, total int32) error {
	return c.admin.CreatePartitions(topic, total, nil, false)
}

func (c *client) Config(topic, key string) string {
	resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{key}}
	entries, err := c.admin.DescribeConfig(resource)
	checks.Check(err)
	for _, entry := range entries {
		if entry.Name == key {
			return entry.Value
		}
	}
	return "missing"
}

func (c *client) SetConfig(topic, key, value string) error {
	entry := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
	return c.admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{key: entry}, false)
}

// pinned sends a record to the partition it names, or by its key when it names none (-1).
type pinned struct{ sarama.Partitioner }

func (p pinned) Partition(message *sarama.ProducerMessage, partitions int32) (int32, error) {
	if message.Partition >= 0 {
		return message.Partition, nil
	}
	return p.Partitioner.Partition(message, partitions)
}

type producer struct{ sarama.SyncProducer }

func (c *client) Producer(codec string, idempotent bool) checks.Producer {
	config := c.config()
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Compression = codecs[codec]
	config.Producer.MaxMessageBytes = 2_000_000
	config.Producer.Retry.Max = 100
	config.Producer.Partitioner = func(topic string) sarama.Partitioner { return pinned{sarama.NewHashPartitioner(topic)} }
	config.Producer.Idempotent = idempotent
	// Else what is sent again may overtake what is not.
	config.Net.MaxOpenRequests = 1
	opened, err := sarama.NewSyncProducer(c.brokers, config)
	checks.Check(err)
	return producer{opened}
}

func (p producer) Send(records []checks.Record) {
	var all []*sarama.ProducerMessage
	for _, r := range records {
		one := &sarama.ProducerMessage{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp}
		if r.Key != nil {
			one.Key = sarama.ByteEncoder(r.Key)
		}
		if r.Value != nil {
			one.Value = sarama.ByteEncoder(r.Value)
		}
		for _, h := range r.Headers {
			one.Headers = append(one.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
		}
		all = append(all, one)
	}
	checks.Check(p.SendMessages(all))
}

func (p producer) Close() { checks.Check(p.SyncProducer.Close()) }

func (c *client) Read(ctx context.Context, topic string, at map[int32]int64, total int) []checks.Record {
	config := c.config()
	config.Consumer.MaxWaitTime = 200 * time.Millisecond
	config.Consumer.Fetch.Default = 4_000_000
	consumer, err := sarama.NewConsumer(c.brokers, config)
	checks.Check(err)
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage)
	for partition, offset := range at {
		from, err := consumer.ConsumePartition(topic, partition, offset)
		checks.Check(err)
		defer from.AsyncClose()
		go func() {
			for message := range from.Messages() {
				select {
				case messages <- message:
				case <-ctx.Done():
				}
			}
		}()
	}
	var records []checks.Record
	for len(records) < total {
		select {
		case <-ctx.Done():
			panic(ctx.Err())
		case m := <-messages:
			one := checks.Record{Topic: topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Timestamp, Key: m.Key, Value: m.Value}
			for _, h := range m.Headers {
				one.Headers = append(one.Headers, checks.Header{Key: string(h.Key), Value: h.Value})
			}
			records = append(records, one)
		}
	}
	return records
}

func (c *client) Bounds(topic string) (starts, ends map[int32]int64) {
	asked := c.open(c.config())
	defer asked.Close()
	starts, ends = map[int32]int64{}, map[int32]int64{}
	partitions, err := asked.Partitions(topic)
	checks.Check(err)
	for _, partition := range partitions {
		starts[partition], err = asked.GetOffset(topic, partition, sarama.OffsetOldest)
		checks.Check(err)
		ends[partition], err = asked.GetOffset(topic, partition, sarama.OffsetNewest)
		checks.Check(err)
	}
	return starts, ends
}

func (c *client) OffsetAt(topic string, partition int32, at time.Time) int64 {
	asked := c.open(c.config())
	defer asked.Close()
	offset, err := asked.GetOffset(topic, partition, at.UnixMilli())
	checks.Check(err)
	if offset == -1 {
		offset, err = asked.GetOffset(topic, partition, sarama.OffsetNewest)
		checks.Check(err)
	}
	return offset
}

func (c *client) Committed(group, topic string) (map[int32]int64, error) {
	admin, err := sarama.NewClusterAdmin(c.brokers, c.config())
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	found, err := admin.ListConsumerGroupOffsets(group, nil)
	if err != nil {
		return nil, err
	}
	offsets := map[int32]int64{}
	for partition, block := range found.Blocks[topic] {
		offsets[partition] = block.Offset
	}
	return offsets, nil
}

func (c *client) HasGroup(group string) bool {
	groups, err := c.admin.ListConsumerGroups()
	checks.Check(err)
	_, is := groups[group]
	return is
}

func (c *client) Members(group string) int {
	described, err := c.admin.DescribeConsumerGroups([]string{group})
	checks.Check(err)
	return len(described[0].Members)
}

func (c *client) DeleteGroup(group string) error { return c.admin.DeleteConsumerGroup(group) }

func (c *client) Consume(ctx context.Context, group, topic string, onValue func(string)) {
	config := c.config()
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.MaxWaitTime = 200 * time.Millisecond
	consumer, err := sarama.NewConsumerGroup(c.brokers, group, config)
	checks.Check(err)
	defer consumer.Close()
	for ctx.Err() == nil {
		// It ends at each rebalance; an error means that the member joins again.
		_ = consumer.Consume(ctx, []string{topic}, handler{onValue})
	}
}

type handler struct{ onValue func(string) }

func (h handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (h handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		h.onValue(string(message.Value))
		session.MarkMessage(message, "")
		if len(claim.Messages()) == 0 {
			session.Commit()
		}
	}
	session.Commit()
	return nil
}
