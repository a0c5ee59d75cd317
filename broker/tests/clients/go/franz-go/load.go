package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// out writes whole lines from many goroutines and flushes each at once: what is printed must be no later than what is known.
type out struct {
	lock   sync.Mutex
	writer *bufio.Writer
}

func (o *out) line(format string, values ...any) {
	o.lock.Lock()
	defer o.lock.Unlock()
	fmt.Fprintf(o.writer, format+"\n", values...)
	o.writer.Flush()
}

// load TOPIC PARTITIONS NAME idempotent|plain: writes "NAME N" with N counting up in each partition, acks=all, until standard
// input ends, through every failure of the broker. Prints "A PARTITION OFFSET N" for every acknowledged record; ends when all
// that was sent is acknowledged.
func (c *client) load(rest []string) {
	topic, name, kind := rest[0], rest[2], rest[3]
	partitions, err := strconv.Atoi(rest[1])
	check(err)
	options := []kgo.Opt{kgo.ProducerLinger(time.Millisecond), kgo.MaxBufferedRecords(400), kgo.RetryBackoffFn(func(int) time.Duration { return 30 * time.Millisecond })}
	if kind == "plain" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	producer := c.open(options...)
	stop := make(chan struct{})
	go func() {
		for {
			if _, err := c.input.ReadByte(); err != nil {
				close(stop)
				return
			}
		}
	}()
	printer := &out{writer: bufio.NewWriter(os.Stdout)}
	for number := 0; ; number++ {
		select {
		case <-stop:
			ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
			defer cancel()
			check(producer.Flush(ctx))
			return
		default:
		}
		for partition := range partitions {
			record := &kgo.Record{Topic: topic, Partition: int32(partition), Value: []byte(fmt.Sprintf("%s %d", name, number))}
			producer.Produce(context.Background(), record, func(r *kgo.Record, err error) {
				if err != nil {
					printer.line("E %v", err)
					return
				}
				printer.line("A %d %d %d", r.Partition, r.Offset, number)
			})
		}
	}
}

// commits GROUP TOPIC PARTITIONS: commits ever higher offsets until standard input ends. Prints "T N" before a commit of N is
// tried, "C N" once it is acknowledged, and "S P=N.." with what is stored, when asked by a line.
func (c *client) commits(rest []string) {
	group, topic := rest[0], rest[1]
	partitions, err := strconv.Atoi(rest[2])
	check(err)
	printer := &out{writer: bufio.NewWriter(os.Stdout)}
	stop := make(chan struct{})
	go func() {
		for {
			if _, err := c.input.ReadByte(); err != nil {
				close(stop)
				return
			}
		}
	}()
	for number := int64(1); ; number++ {
		select {
		case <-stop:
			return
		default:
		}
		offsets := kadm.Offsets{}
		for partition := range partitions {
			offsets.AddOffset(topic, int32(partition), number, -1)
		}
		printer.line("T %d", number)
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			answer, err := c.admin.CommitOffsets(ctx, group, offsets)
			cancel()
			if err == nil && answer.Ok() {
				break
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		printer.line("C %d", number)
	}
}

// tail TOPIC GROUP OFFSET..: prints "R PARTITION OFFSET VALUE" for everything from the offset given for each partition,
// "B PARTITION START END" for the bounds, and "O PARTITION N" for what the group has committed.
func (c *client) tail(rest []string) {
	topic, group := rest[0], rest[1]
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	writer := bufio.NewWriter(os.Stdout)
	defer writer.Flush()
	starts, ends := c.Bounds(topic)
	total, at := 0, map[int32]kgo.Offset{}
	for partition, text := range rest[2:] {
		from, err := strconv.ParseInt(text, 10, 64)
		check(err)
		p := int32(partition)
		fmt.Fprintf(writer, "B %d %d %d\n", p, starts[p], ends[p])
		if ends[p] > from {
			total += int(ends[p] - from)
			at[p] = kgo.NewOffset().At(from)
		}
	}
	if total > 0 {
		for _, r := range c.readFrom(ctx, topic, at, total) {
			// More may have arrived since the bounds were asked.
			if r.Offset < ends[r.Partition] {
				fmt.Fprintf(writer, "R %d %d %s\n", r.Partition, r.Offset, r.Value)
			}
		}
	}
	committed, err := c.Committed(group, topic)
	check(err)
	for partition, offset := range committed {
		fmt.Fprintf(writer, "O %d %d\n", partition, offset)
	}
}
