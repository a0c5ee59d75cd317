// Package checks holds what every Go client must pass, those of ../../python/suite.py. A client's program gives an Adapter.
package checks

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// WaitLimit is how long anything may take on a loaded machine.
const WaitLimit = 40 * time.Second

type Header struct {
	Key   string
	Value []byte
}

// Record of a partition; Partition -1 lets the client choose by key.
type Record struct {
	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  time.Time
	Key, Value []byte
	Headers    []Header
}

// Adapter says how a library does each thing. What goes wrong is a panic, unless the method has an error.
type Adapter interface {
	Name() string
	// CreateTopic answers when the partitions do.
	CreateTopic(topic string, partitions int32, configs map[string]string) error
	IsTopicExists(err error) bool
	DeleteTopic(topic string) error
	// Partitions is 0 when there is no such topic.
	Partitions(topic string) int
	AddPartitions(topic string, total int32) error
	Config(topic, key string) string
	SetConfig(topic, key, value string) error
	// ReadsEmptyAsNull is true of a library that cannot tell the two in what it reads.
	ReadsEmptyAsNull() bool
	// IsEverIdempotent is false of a library that knows no idempotent producers.
	IsEverIdempotent() bool
	Producer(codec string, idempotent bool) Producer
	// Read gives so many records from the offset of each partition on, in any order between partitions, without a group.
	Read(ctx context.Context, topic string, at map[int32]int64, total int) []Record
	Bounds(topic string) (starts, ends map[int32]int64)
	// OffsetAt is the first offset not before a time, or the end.
	OffsetAt(topic string, partition int32, at time.Time) int64
	Committed(group, topic string) (map[int32]int64, error)
	HasGroup(group string) bool
	Members(group string) int
	DeleteGroup(group string) error
	// Consume joins the group, reads the topic, commits what it has read, and leaves when the context ends.
	Consume(ctx context.Context, group, topic string, onValue func(string))
}

// Producer writes with acks=all and waits for each record.
type Producer interface {
	Send(records []Record)
	Close()
}

// Check ends the current check, which reports it.
func Check(err error) {
	if err != nil {
		panic(err)
	}
}

func WaitUntil(what string, probe func() bool) {
	deadline := time.Now().Add(WaitLimit)
	for !probe() {
		if time.Now().After(deadline) {
			panic(fmt.Errorf("not within %v: %s", WaitLimit, what))
		}
		time.Sleep(10 * time.Millisecond)
	}
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
	Check(err)
	return data
}

func lineOf(r Record) string {
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

// emptyAsNull is a line as a reader tells it that cannot tell the two.
func emptyAsNull(line string) string {
	words := strings.Fields(line)
	for _, at := range []int{3, 4} {
		if words[at] == "." {
			words[at] = "-"
		}
	}
	// Of headers, too.
	words[5] = strings.ReplaceAll(words[5], ":.", ":-")
	return strings.Join(words, " ")
}

func recordOf(topic, line string) Record {
	words := strings.Fields(line)
	partition, err := strconv.Atoi(words[0])
	Check(err)
	millis, err := strconv.ParseInt(words[1], 10, 64)
	Check(err)
	r := Record{Topic: topic, Partition: int32(partition), Timestamp: time.UnixMilli(millis), Key: fromHex(words[2]), Value: fromHex(words[3])}
	if words[4] != "." {
		for _, pair := range strings.Split(words[4], ",") {
			name, value, _ := strings.Cut(pair, ":")
			r.Headers = append(r.Headers, Header{Key: string(fromHex(name)), Value: fromHex(value)})
		}
	}
	return r
}

func expect[T comparable](what string, got, want T) {
	if got != want {
		panic(fmt.Errorf("%s: got %.300v, want %.300v", what, got, want))
	}
}
