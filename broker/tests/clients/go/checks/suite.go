package checks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

type title struct {
	name  string
	check func(c *client, topic string)
}

// runSuite prints a line for every check and gives the exit code.
func (c *client) runSuite() int {
	checks := []title{{"admin", admin}}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		checks = append(checks, title{"roundtrip_" + codec, roundtrip(codec)})
	}
	checks = append(checks, title{"one_mib", oneMib}, title{"keyed", keyed}, title{"list_offsets", listOffsets})
	if c.IsEverIdempotent() {
		checks = append(checks, title{"idempotent", idempotent})
	}
	checks = append(checks, title{"groups", groups}, title{"restart", restart})
	failed := 0
	for _, one := range checks {
		begin := time.Now()
		if err := attempt(func() { one.check(c, fmt.Sprintf("%s-%s-%d", c.Name(), one.name, os.Getpid())) }); err != nil {
			failed = 1
			fmt.Printf("FAIL %s %s\n", one.name, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		fmt.Printf("ok %s %.1fs\n", one.name, time.Since(begin).Seconds())
	}
	return failed
}

func attempt(work func()) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
			fmt.Fprintf(os.Stderr, "%v\n%s\n", cause, debug.Stack())
		}
	}()
	work()
	return nil
}

// noise gives bytes that do not compress, the same for the same seed.
func noise(seed, length int) []byte {
	var out []byte
	for block := 0; len(out) < length; block++ {
		sum := sha256.Sum256([]byte(fmt.Sprintf("%d/%d", seed, block)))
		out = append(out, sum[:]...)
	}
	return out[:length]
}

func admin(c *client, name string) {
	Check(c.CreateTopic(name, 3, map[string]string{"retention.ms": "7200000"}))
	WaitUntil("topic has 3 partitions", func() bool { return c.Partitions(name) == 3 })
	expect("retention.ms", c.Config(name, "retention.ms"), "7200000")
	Check(c.SetConfig(name, "retention.ms", "3600000"))
	WaitUntil("altered config shows", func() bool { return c.Config(name, "retention.ms") == "3600000" })
	Check(c.AddPartitions(name, 5))
	WaitUntil("topic has 5 partitions", func() bool { return c.Partitions(name) == 5 })
	expect("creating the topic twice is refused", c.IsTopicExists(c.CreateTopic(name, 1, nil)), true)
	Check(c.DeleteTopic(name))
	WaitUntil("topic is gone", func() bool { return c.Partitions(name) == 0 })
}

func roundtrip(codec string) func(*client, string) {
	return func(c *client, name string) {
		Check(c.CreateTopic(name, 3, nil))
		base := time.Now().UnixMilli() - 3_600_000
		var records []Record
		var want [3][]string
		for i := range 600 {
			keys := [][]byte{nil, {}, []byte(fmt.Sprintf("key-%d", i)), noise(i, 40)}
			values := [][]byte{[]byte(fmt.Sprintf("value-%d", i)), noise(i, i%700), {}, bytes.Repeat([]byte("a"), i*7%3000), nil}
			headers := [][]Header{nil, {{Key: "trace", Value: noise(i, 16)}}, {{Key: "a", Value: []byte{0, 255}}, {Key: "ü", Value: []byte{}}, {Key: "a", Value: []byte{1}}}}
			r := Record{Topic: name, Partition: int32(i % 3), Timestamp: time.UnixMilli(base + int64(i)*10), Key: keys[i%4], Value: values[i%5], Headers: headers[i%3]}
			r.Offset = int64(len(want[i%3]))
			want[i%3] = append(want[i%3], lineOf(r))
			records = append(records, r)
		}
		c.send(records, codec)
		all := append(append(want[0], want[1]...), want[2]...)
		got := c.read(name)
		if c.ReadsEmptyAsNull() {
			for i := range all {
				all[i] = emptyAsNull(all[i])
			}
		}
		expect("record count", len(got), len(all))
		for i, r := range got {
			expect("record", lineOf(r), all[i])
		}
	}
}

func oneMib(c *client, name string) {
	Check(c.CreateTopic(name, 1, map[string]string{"max.message.bytes": "2097152"}))
	values := [][]byte{noise(1, 1<<20), bytes.Repeat([]byte("z"), 1<<20), noise(2, 1<<20)}
	for _, value := range values {
		c.send([]Record{{Topic: name, Value: value}}, "none")
	}
	for i, r := range c.read(name) {
		expect("checksum", sha256.Sum256(r.Value), sha256.Sum256(values[i]))
	}
}

func keyed(c *client, name string) {
	Check(c.CreateTopic(name, 4, nil))
	var records []Record
	for i := range 4000 {
		records = append(records, Record{Topic: name, Partition: -1, Key: []byte(fmt.Sprintf("k%d", i%97)), Value: []byte(strconv.Itoa(i))})
	}
	c.send(records, "none")
	home, last := map[string]int32{}, map[string]int{}
	used := map[int32]bool{}
	got := c.read(name)
	expect("record count", len(got), 4000)
	for _, r := range got {
		key := string(r.Key)
		if partition, known := home[key]; known {
			expect("partition of "+key, r.Partition, partition)
		}
		home[key], used[r.Partition] = r.Partition, true
		number, err := strconv.Atoi(string(r.Value))
		Check(err)
		if before, known := last[key]; known && number <= before {
			panic(fmt.Errorf("%s: %d after %d", key, number, before))
		}
		last[key] = number
	}
	expect("partitions used", len(used), 4)
}

func listOffsets(c *client, name string) {
	Check(c.CreateTopic(name, 1, nil))
	starts, ends := c.Bounds(name)
	expect("empty log", [2]int64{starts[0], ends[0]}, [2]int64{0, 0})
	base := time.Now().UnixMilli() - 1_000_000
	for i := 0; i < 100; i += 10 {
		var records []Record
		for j := i; j < i+10; j++ {
			records = append(records, Record{Topic: name, Value: []byte("v"), Timestamp: time.UnixMilli(base + int64(j)*1000)})
		}
		c.send(records, "none")
	}
	starts, ends = c.Bounds(name)
	expect("start and end", [2]int64{starts[0], ends[0]}, [2]int64{0, 100})
	for _, one := range [][2]int64{{-5, 0}, {0, 0}, {1, 1}, {55_000, 55}, {99_000, 99}, {99_001, 100}} {
		found := c.OffsetAt(name, 0, time.UnixMilli(base+one[0]))
		expect(fmt.Sprint("offset at ", one[0]), found, one[1])
	}
}

func numbers(c *client, name string) (byPartition map[int32][]int) {
	byPartition = map[int32][]int{}
	for _, r := range c.read(name) {
		number, err := strconv.Atoi(string(r.Value))
		Check(err)
		byPartition[r.Partition] = append(byPartition[r.Partition], number)
	}
	return byPartition
}

func expectEvery(what string, got []int, first, step, count int) {
	expect(what+" count", len(got), count)
	for i, number := range got {
		expect(fmt.Sprintf("%s at %d", what, i), number, first+i*step)
	}
}

func idempotent(c *client, name string) {
	Check(c.CreateTopic(name, 2, nil))
	var records []Record
	for i := range 6000 {
		records = append(records, Record{Topic: name, Partition: int32(i % 2), Value: []byte(strconv.Itoa(i))})
	}
	producer := c.Producer("none", true)
	defer producer.Close()
	producer.Send(records)
	for partition, got := range numbers(c, name) {
		expectEvery(fmt.Sprint("partition ", partition), got, int(partition), 2, 3000)
	}
}

// member is one consumer of a group, committing what it has read.
type member struct {
	count   int
	lock    sync.Mutex
	cancel  context.CancelFunc
	stopped chan struct{}
}

func (c *client) join(group string, onValue func(string)) *member {
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(m.stopped)
		c.Consume(ctx, group, group, func(value string) {
			m.lock.Lock()
			defer m.lock.Unlock()
			m.count++
			onValue(value)
		})
	}()
	return m
}

func (m *member) read() int {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.count
}

func (m *member) stop() {
	m.cancel()
	select {
	case <-m.stopped:
	case <-time.After(WaitLimit):
		panic("member does not stop")
	}
}

func groups(c *client, name string) {
	Check(c.CreateTopic(name, 4, nil))
	var lock sync.Mutex
	sent, read := map[string]bool{}, map[string]bool{}
	onValue := func(value string) { lock.Lock(); read[value] = true; lock.Unlock() }
	size := func() int { lock.Lock(); defer lock.Unlock(); return len(read) }
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		stopped <- attempt(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				var records []Record
				for i := range 40 {
					records = append(records, Record{Topic: name, Partition: int32(i % 4), Value: []byte(strconv.Itoa(len(sent) + i))})
				}
				c.send(records, "none")
				for _, r := range records {
					sent[string(r.Value)] = true
				}
			}
		})
	}()
	var members []*member
	failure := attempt(func() {
		members = append(members, c.join(name, onValue))
		WaitUntil("first member reads", func() bool { return members[0].read() > 100 })
		members = append(members, c.join(name, onValue), c.join(name, onValue))
		WaitUntil("second and third member read", func() bool { return members[1].read() > 40 && members[2].read() > 40 })
		members[0].stop()
		seen := size()
		WaitUntil("group goes on without the first", func() bool { return size() > seen+200 })
		members = append(members, c.join(name, onValue))
		WaitUntil("fourth member reads", func() bool { return members[3].read() > 40 })
		// kafka-go may commit what it read in one generation only in the next, over the partition's new owner: who takes over goes on
		// for long after that, and says so with a later commit.
		for _, m := range members[1:] {
			before := m.read()
			WaitUntil("members go on after the last rebalance", func() bool { return m.read() > before+200 })
		}
	})
	close(stop)
	Check(<-stopped)
	Check(failure)
	WaitUntil("all records are read", func() bool { return size() == len(sent) })
	expect("the group is listed", c.HasGroup(name), true)
	expect("members", c.Members(name), 3)
	for _, m := range members[1:] {
		m.stop()
	}
	_, ends := c.Bounds(name)
	expect("committed offsets", fmt.Sprint(c.committed(name)), fmt.Sprint(ends))

	var late []string
	m := c.join(name, func(value string) { late = append(late, value) })
	for partition := range 4 {
		c.send([]Record{{Topic: name, Partition: int32(partition), Value: []byte("late")}}, "none")
	}
	WaitUntil("new member reads the new records", func() bool { return m.read() >= 4 })
	m.stop()
	expect("new member starts at the commit", strings.Join(late, " "), "late late late late")
	Check(c.DeleteGroup(name))
}

func restart(c *client, name string) {
	Check(c.CreateTopic(name, 2, nil))
	producer := c.Producer("none", c.IsEverIdempotent())
	defer producer.Close()
	send := func(from, to int) {
		var records []Record
		for i := from; i < to; i++ {
			records = append(records, Record{Topic: name, Partition: int32(i % 2), Value: []byte(strconv.Itoa(i))})
		}
		producer.Send(records)
	}
	send(0, 500)
	var lock sync.Mutex
	read := map[string]bool{}
	size := func() int { lock.Lock(); defer lock.Unlock(); return len(read) }
	m := c.join(name, func(value string) { lock.Lock(); read[value] = true; lock.Unlock() })
	WaitUntil("member reads before", func() bool { return size() == 500 })
	fmt.Println("restart")
	answer, err := c.input.ReadString('\n')
	Check(err)
	expect("harness", strings.TrimSpace(answer), "done")
	send(500, 1000)
	WaitUntil("member reads after", func() bool { return size() == 1000 })
	m.stop()
	expect("committed", fmt.Sprint(c.committed(name)), "map[0:500 1:500]")
	for partition, got := range numbers(c, name) {
		expectEvery(fmt.Sprint("partition ", partition), got, int(partition), 2, 500)
	}
}
