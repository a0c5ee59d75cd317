package checks

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
)

// client is an adapter with what all checks do with it.
type client struct {
	Adapter
	input *bufio.Reader
}

// Main carries out a verb of ../../python/suite.py: `suite`, `produce` or `consume`.
func Main(adapter Adapter, verb string, rest []string) {
	c := &client{adapter, bufio.NewReader(os.Stdin)}
	switch verb {
	case "suite":
		os.Exit(c.runSuite())
	case "produce":
		for _, argument := range rest {
			parts := strings.SplitN(argument, "=", 3)
			Check(c.CreateTopic(parts[0], 3, map[string]string{"max.message.bytes": "2097152"}))
			text, err := os.ReadFile(parts[2])
			Check(err)
			var records []Record
			for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				records = append(records, recordOf(parts[0], line))
			}
			c.send(records, parts[1])
			fmt.Println("ok produce", parts[0])
		}
	case "consume":
		for _, topic := range rest[1:] {
			var out strings.Builder
			for _, r := range c.read(topic) {
				out.WriteString(lineOf(r) + "\n")
			}
			Check(os.WriteFile(rest[0]+"/"+topic, []byte(out.String()), 0o644))
			fmt.Println("ok consume", topic)
		}
	default:
		panic("unknown verb " + verb)
	}
}

func (c *client) send(records []Record, codec string) {
	producer := c.Producer(codec, false)
	defer producer.Close()
	producer.Send(records)
}

// read gives every record of a topic, ordered by partition and offset, without a group.
func (c *client) read(topic string) []Record {
	ctx, cancel := context.WithTimeout(context.Background(), WaitLimit)
	defer cancel()
	starts, ends := c.Bounds(topic)
	total := 0
	for partition, end := range ends {
		total += int(end - starts[partition])
	}
	records := c.Read(ctx, topic, starts, total)
	sort.SliceStable(records, func(i, j int) bool {
		a, b := records[i], records[j]
		return a.Partition < b.Partition || a.Partition == b.Partition && a.Offset < b.Offset
	})
	return records
}

func (c *client) committed(group string) map[int32]int64 {
	var offsets map[int32]int64
	// The first request after a restart meets the old broker's connection.
	WaitUntil("offsets of the group", func() (is bool) {
		var err error
		offsets, err = c.Committed(group, group)
		return err == nil
	})
	return offsets
}
