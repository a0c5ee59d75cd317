// Load on NATS JetStream by its own Go client, for `corelane-bench run --target NAME=exec:THIS,url=nats://..`.
//
// corelane-bench says on standard input, as one JSON object, what the load is, and starts this program on the client's CPUs. It
// prints "begin" and "end" when the measured time begins and ends, and then one JSON object with what was measured. Whatever it
// cannot do goes to standard error, with an exit code.
//
// A partition is a stream of its own (file storage, one replica); a record is a message, acknowledged by the stream when it is
// stored as the server's sync_interval says. The batches that JetStream can store as one (it does from 2.12 on, by another client
// library) are not used: what a Kafka client has in flight as batches is here as many messages in flight.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// order is what corelane-bench wants.
type order struct {
	// Rate is records a second of an open loop; without one, the loop is closed.
	Rate          *float64 `json:"rate"`
	Producers     int      `json:"producers"`
	Partitions    int      `json:"partitions"`
	Outstanding   int      `json:"outstanding"`
	RecordBytes   int      `json:"record_bytes"`
	WarmUp        float64  `json:"warm_up"`
	Seconds       float64  `json:"seconds"`
	Patience      float64  `json:"patience"`
	StepSeconds   float64  `json:"step_seconds"`
	RandomPercent int      `json:"random_percent"`
}

type result struct {
	Produced side        `json:"produced"`
	Lateness [][2]uint64 `json:"lateness"`
	// Errors by what they say.
	Errors           map[string]uint64 `json:"errors"`
	Unanswered       uint64            `json:"unanswered"`
	ClientCPUSeconds float64           `json:"client_cpu_seconds"`
}

func main() {
	url := flag.String("url", "nats://127.0.0.1:4222", "where the server listens")
	flag.Parse()
	var wanted order
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		fail(err)
	}
	// One for the sender that sleeps in the kernel until a record is due, the others for the client. The runtime's own timers are a
	// millisecond wide, which would be in every latency.
	runtime.GOMAXPROCS(3)
	load, err := connect(*url, wanted)
	if err != nil {
		fail(err)
	}
	defer load.close()
	measured, err := load.run()
	if err != nil {
		load.close()
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(measured); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// sleepUntil sleeps in the kernel, to the microsecond.
func sleepUntil(then time.Time) {
	for left := time.Until(then); left > 0; left = time.Until(then) {
		pause := syscall.NsecToTimespec(left.Nanoseconds())
		// A signal may wake it up early; then it sleeps on.
		_ = syscall.Nanosleep(&pause, nil)
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	seconds := func(time syscall.Timeval) float64 { return float64(time.Sec) + float64(time.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}
