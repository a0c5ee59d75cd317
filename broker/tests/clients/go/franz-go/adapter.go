package main

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"corelane/clienttests/checks"
)

func (c *client) Name() string           { return "franz-go" }
func (c *client) ReadsEmptyAsNull() bool { return false }
func (c *client) IsEverIdempotent() bool { return true }

func (c *client) IsTopicExists(err error) bool { return errors.Is(err, kerr.TopicAlreadyExists) }

func (c *client) DeleteTopic(topic string) error {
	_, err := c.admin.DeleteTopic(context.Background(), topic)
	return err
}

func (c *client) Partitions(topic string) int {
	topics, err := c.admin.ListTopics(context.Background(), topic)
	check(err)
	if topics[topic].Err != nil {
		return 0
	}
	return len(topics[topic].Partitions)
}

func (c *client) AddPartitions(topic string, total int32) error {
	updated, err := c.admin.UpdatePartitions(context.Background(), int(total), topic)
	check(err)
	return updated.Error()
}

func (c *client) Config(topic, key string) string {
	described, err := c.admin.DescribeTopicConfigs(context.Background(), topic)
	check(err)
	check(described[0].Err)
	for _, entry := range described[0].Configs {
		if entry.Key == key {
			return entry.MaybeValue()
		}
	}
	return "missing"
}

func (c *client) SetConfig(topic, key, value string) error {
	change := kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: kadm.StringPtr(value)}
	_, err := c.admin.AlterTopicConfigs(context.Background(), []kadm.AlterConfig{change}, topic)
	return err
}

// producer of this library is idempotent unless told otherwise.
type producer struct{ *kgo.Client }

func (c *client) Producer(codec string, _ bool) checks.Producer {
	return producer{c.open(kgo.ProducerBatchCompression(codecs[codec]))}
}

func (p producer) Send(records []checks.Record) {
	var all []*kgo.Record
	for _, r := range records {
		one := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			one.Headers = append(one.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		all = append(all, one)
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	check(p.ProduceSync(ctx, all...).FirstErr())
}

func (c *client) Read(ctx context.Context, topic string, at map[int32]int64, total int) []checks.Record {
	offsets := map[int32]kgo.Offset{}
	for partition, offset := range at {
		offsets[partition] = kgo.NewOffset().At(offset)
	}
	var records []checks.Record
	for _, r := range c.readFrom(ctx, topic, offsets, total) {
		one := checks.Record{Topic: topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			one.Headers = append(one.Headers, checks.Header{Key: h.Key, Value: h.Value})
		}
		records = append(records, one)
	}
	return records
}

func (c *client) OffsetAt(topic string, partition int32, at time.Time) int64 {
	found, err := c.admin.ListOffsetsAfterMilli(context.Background(), at.UnixMilli(), topic)
	check(err)
	offset, _ := found.Lookup(topic, partition)
	check(offset.Err)
	return offset.Offset
}

func (c *client) HasGroup(group string) bool {
	listed, err := c.admin.ListGroups(context.Background())
	check(err)
	return listed[group].Group == group
}

func (c *client) Members(group string) int {
	described, err := c.admin.DescribeGroups(context.Background(), group)
	check(err)
	return len(described[group].Members)
}

func (c *client) DeleteGroup(group string) error {
	_, err := c.admin.DeleteGroup(context.Background(), group)
	return err
}

func (c *client) Consume(ctx context.Context, group, topic string, onValue func(string)) {
	consumer := c.open(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.BlockRebalanceOnPoll())
	defer consumer.CloseAllowingRebalance()
	for ctx.Err() == nil {
		fetches := consumer.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) { onValue(string(r.Value)) })
		// A commit refused between two generations means that the records are read again.
		_ = consumer.CommitUncommittedOffsets(context.Background())
		consumer.AllowRebalance()
	}
}
