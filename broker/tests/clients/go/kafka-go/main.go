// segmentio/kafka-go under the checks of ../checks. It has no idempotent producer.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/segmentio/kafka-go"

	"corelane/clienttests/checks"
)

var codecs = map[string]kafka.Compression{
	"gzip":   kafka.Gzip,
	"snappy": kafka.Snappy,
	"lz4":    kafka.Lz4,
	"zstd":   kafka.Zstd,
}

type client struct {
	kafka.Client
	broker string
}

func main() {
	broker := os.Args[2]
	// It answers about topics from what it remembers, else for six seconds.
	transport := &kafka.Transport{MetadataTTL: 50 * time.Millisecond}
	c := &client{kafka.Client{Addr: kafka.TCP(broker), Timeout: checks.WaitLimit, Transport: transport}, broker}
	checks.Main(c, os.Args[1], os.Args[3:])
}

func (c *client) Name() string           { return "kafka-go" }
func (c *client) ReadsEmptyAsNull() bool { return true }
func (c *client) IsEverIdempotent() bool { return false }

func (c *client) CreateTopic(topic string, partitions int32, configs map[string]string) error {
	config := kafka.TopicConfig{Topic: topic, NumPartitions: int(partitions), ReplicationFactor: 1}
	for key, value := range configs {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: key, ConfigValue: value})
	}
	answer, err := c.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
	checks.Check(err)
	if err := answer.Errors[topic]; err != nil {
		return err
	}
	checks.WaitUntil("partitions answer", func() bool {
		_, ends, err := c.bounds(topic)
		return err == nil && len(ends) == int(partitions)
	})
	return nil
}

func (c *client) IsTopicExists(err error) bool { return errors.Is(err, kafka.TopicAlreadyExists) }

func (c *client) DeleteTopic(topic string) error {
	answer, err := c.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	checks.Check(err)
	return answer.Errors[topic]
}

func (c *client) topic(name string) kafka.Topic {
	answer, err := c.Metadata(context.Background(), &kafka.MetadataRequest{Topics: []string{name}})
	checks.Check(err)
	return answer.Topics[0]
}

func (c *client) Partitions(topic string) int {
	known := c.topic(topic)
	if known.Error != nil {
		return 0
	}
	return len(known.Partitions)
}

func (c *client) AddPartitions(topic string, total int32) error {
	wish := kafka.TopicPartitionsConfig{Name: topic, Count: total}
	answer, err := c.CreatePartitions(context.Background(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{wish}})
	checks.Check(err)
	return answer.Errors[topic]
}

func (c *client) Config(topic, key string) string {
	resource := kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{key}}
	answer, err := c.DescribeConfigs(context.Background(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{resource}})
	checks.Check(err)
	checks.Check(answer.Resources[0].Error)
	for _, entry := range answer.Resources[0].ConfigEntries {
		if entry.ConfigName == key {
			return entry.ConfigValue
		}
	}
	return "missing"
}

func (c *client) SetConfig(topic, key, value string) error {
	change := kafka.IncrementalAlterConfigsRequestConfig{Name: key, Value: value, ConfigOperation: kafka.ConfigOperationSet}
	resource := kafka.IncrementalAlterConfigsRequestResource{
		ResourceType: kafka.ResourceTypeTopic,
		ResourceName: topic,
		Configs:      []kafka.IncrementalAlterConfigsRequestConfig{change},
	}
	answer, err := c.IncrementalAlterConfigs(context.Background(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{resource}})
	checks.Check(err)
	return answer.Resources[0].Error
}

// pinned sends a record to the partition that its WriterData names, or by its key when it names none (-1).
type pinned struct{ kafka.Hash }

func (p *pinned) Balance(message kafka.Message, partitions ...int) int {
	if wanted := message.WriterData.(int32); wanted >= 0 {
		return int(wanted)
	}
	return p.Hash.Balance(message, partitions...)
}

type producer struct{ *kafka.Writer }

func (c *client) Producer(codec string, _ bool) checks.Producer {
	return producer{&kafka.Writer{
		Addr:         c.Addr,
		Balancer:     &pinned{},
		BatchTimeout: time.Millisecond,
		BatchBytes:   2_000_000,
		MaxAttempts:  400,
		RequiredAcks: kafka.RequireAll,
		Compression:  codecs[codec],
		Transport:    c.Transport,
	}}
}

func (p producer) Send(records []checks.Record) {
	var all []kafka.Message
	for _, r := range records {
		one := kafka.Message{Topic: r.Topic, Key: r.Key, Value: r.Value, Time: r.Timestamp, WriterData: r.Partition}
		for _, h := range r.Headers {
			one.Headers = append(one.Headers, kafka.Header{Key: h.Key, Value: h.Value})
		}
		all = append(all, one)
	}
	ctx, cancel := context.WithTimeout(context.Background(), checks.WaitLimit)
	defer cancel()
	checks.Check(p.WriteMessages(ctx, all...))
}

func (p producer) Close() { checks.Check(p.Writer.Close()) }

func (c *client) Read(ctx context.Context, topic string, at map[int32]int64, total int) []checks.Record {
	_, ends := c.Bounds(topic)
	found := make(chan []checks.Record)
	for partition, offset := range at {
		go func() { found <- c.readPartition(ctx, topic, partition, offset, ends[partition]) }()
	}
	records := make([]checks.Record, 0, total)
	for range at {
		records = append(records, <-found...)
	}
	return records
}

func (c *client) readPartition(ctx context.Context, topic string, partition int32, offset, end int64) (records []checks.Record) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{c.broker}, Topic: topic, Partition: int(partition), MinBytes: 1, MaxBytes: 4_000_000, MaxWait: 200 * time.Millisecond,
	})
	checks.Check(reader.SetOffset(offset))
	for ; offset < end; offset++ {
		m, err := reader.ReadMessage(ctx)
		checks.Check(err)
		one := checks.Record{Topic: topic, Partition: partition, Offset: m.Offset, Timestamp: m.Time, Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			one.Headers = append(one.Headers, checks.Header{Key: h.Key, Value: h.Value})
		}
		records = append(records, one)
	}
	checks.Check(reader.Close())
	return records
}

func (c *client) bounds(topic string) (starts, ends map[int32]int64, err error) {
	starts, ends = map[int32]int64{}, map[int32]int64{}
	var wanted []kafka.OffsetRequest
	for _, partition := range c.topic(topic).Partitions {
		wanted = append(wanted, kafka.FirstOffsetOf(partition.ID), kafka.LastOffsetOf(partition.ID))
	}
	answer, err := c.ListOffsets(context.Background(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: wanted}})
	if err != nil {
		return nil, nil, err
	}
	for _, found := range answer.Topics[topic] {
		if found.Error != nil {
			return nil, nil, found.Error
		}
		starts[int32(found.Partition)], ends[int32(found.Partition)] = found.FirstOffset, found.LastOffset
	}
	return starts, ends, nil
}

func (c *client) Bounds(topic string) (starts, ends map[int32]int64) {
	starts, ends, err := c.bounds(topic)
	checks.Check(err)
	return starts, ends
}

func (c *client) OffsetAt(topic string, partition int32, at time.Time) int64 {
	wanted := []kafka.OffsetRequest{kafka.TimeOffsetOf(int(partition), at)}
	answer, err := c.ListOffsets(context.Background(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: wanted}})
	checks.Check(err)
	found := answer.Topics[topic][0]
	checks.Check(found.Error)
	for offset := range found.Offsets {
		if offset >= 0 {
			return offset
		}
	}
	_, ends := c.Bounds(topic)
	return ends[partition]
}

func (c *client) Committed(group, topic string) (map[int32]int64, error) {
	var partitions []int
	for _, partition := range c.topic(topic).Partitions {
		partitions = append(partitions, partition.ID)
	}
	answer, err := c.OffsetFetch(context.Background(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return nil, err
	}
	offsets := map[int32]int64{}
	for _, found := range answer.Topics[topic] {
		if found.Error != nil {
			return nil, found.Error
		}
		offsets[int32(found.Partition)] = found.CommittedOffset
	}
	return offsets, nil
}

func (c *client) HasGroup(group string) bool {
	answer, err := c.ListGroups(context.Background(), &kafka.ListGroupsRequest{})
	checks.Check(err)
	for _, listed := range answer.Groups {
		if listed.GroupID == group {
			return true
		}
	}
	return false
}

func (c *client) Members(group string) int {
	answer, err := c.DescribeGroups(context.Background(), &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	checks.Check(err)
	return len(answer.Groups[0].Members)
}

func (c *client) DeleteGroup(group string) error {
	answer, err := c.DeleteGroups(context.Background(), &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	checks.Check(err)
	return answer.Errors[group]
}

func (c *client) Consume(ctx context.Context, group, topic string, onValue func(string)) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{c.broker}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond,
		HeartbeatInterval: 300 * time.Millisecond, CommitInterval: 50 * time.Millisecond, JoinGroupBackoff: 100 * time.Millisecond,
	})
	defer reader.Close()
	for {
		message, err := reader.ReadMessage(ctx)
		if err == nil {
			onValue(string(message.Value)) // also when told to stop meanwhile: its commit is on its way
		} else if ctx.Err() != nil {
			return
		}
	}
}
