package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const adminTimeout = 30 * time.Second

// openPendingMax is far more than an open loop ever has in flight: beyond it the client refuses to send.
const openPendingMax = 1 << 20

// stampBytes at the front of each payload say which record it is by the time it was meant for.
const stampBytes = 8

// load is the producers of a round with their streams.
type load struct {
	order     order
	streams   []string
	admin     jetstream.JetStream
	producers []*producer
	base      time.Time
	window    [2]uint64
	sent      sync.WaitGroup
}

// producer is one connection.
type producer struct {
	connection *nats.Conn
	stream     jetstream.JetStream
	// slots bounds what is in flight.
	slots chan struct{}
	// next is the stream that the next message goes to.
	next  int
	lock  sync.Mutex
	tally tally
}

func connect(url string, wanted order) (*load, error) {
	if wanted.RecordBytes < stampBytes {
		return nil, fmt.Errorf("records of %d bytes: at least %d, for the time", wanted.RecordBytes, stampBytes)
	}
	l := &load{order: wanted, base: time.Now()}
	for index := range wanted.Producers {
		p := &producer{slots: make(chan struct{}, wanted.Outstanding), next: index % wanted.Partitions, tally: newTally(wanted.StepSeconds)}
		var err error
		if p.connection, err = nats.Connect(url); err != nil {
			return nil, err
		}
		p.stream, err = jetstream.New(p.connection,
			jetstream.WithPublishAsyncMaxPending(max(openPendingMax, 2*wanted.Outstanding)),
			jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, message *nats.Msg, _ *jetstream.PubAck) { l.onAck(p, message) }),
			jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { p.onError(err) }),
		)
		if err != nil {
			return nil, err
		}
		l.producers = append(l.producers, p)
	}
	l.admin = l.producers[0].stream
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	for index := range wanted.Partitions {
		name := fmt.Sprintf("bench-%d-%d", os.Getpid(), index)
		if _, err := l.admin.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Storage: jetstream.FileStorage, Replicas: 1}); err != nil {
			l.close()
			return nil, err
		}
		l.streams = append(l.streams, name)
	}
	return l, nil
}

// close deletes the streams with all that is in them.
func (l *load) close() {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	for _, name := range l.streams {
		if err := l.admin.DeleteStream(ctx, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	l.streams = nil
	for _, p := range l.producers {
		p.connection.Close()
	}
}

func (l *load) run() (*result, error) {
	payload := make([]byte, l.order.RecordBytes)
	random := rand.New(rand.NewSource(1))
	random.Read(payload[:len(payload)*l.order.RandomPercent/100])
	begin := l.now() + uint64(100*time.Millisecond)
	l.window[0] = begin + uint64(l.order.WarmUp*1e9)
	l.window[1] = l.window[0] + uint64(l.order.Seconds*1e9)
	for _, p := range l.producers {
		p.tally.window = l.window
	}
	lateness := newTally(l.order.StepSeconds)
	if l.order.Rate != nil {
		l.sent.Add(1)
		go l.sendOpen(begin, payload, &lateness)
	} else {
		for _, p := range l.producers {
			l.sent.Add(1)
			go l.sendClosed(p, begin, payload)
		}
	}
	sleepUntil(l.at(l.window[0]))
	fmt.Println("begin")
	cpuBefore := cpuSeconds()
	sleepUntil(l.at(l.window[1]))
	fmt.Println("end")
	cpu := cpuSeconds() - cpuBefore
	l.sent.Wait()
	deadline := time.After(time.Duration(l.order.Patience * float64(time.Second)))
	for _, p := range l.producers {
		select {
		case <-p.stream.PublishAsyncComplete():
		case <-deadline:
			deadline = time.After(0)
		}
	}
	all := newTally(l.order.StepSeconds)
	for _, p := range l.producers {
		p.lock.Lock()
		all.unanswered += p.tally.giveUp(l.now())
		all.add(&p.tally)
		p.lock.Unlock()
	}
	return &result{
		Produced:         all.side(),
		Lateness:         lateness.list(),
		Errors:           all.errors,
		Unanswered:       all.unanswered,
		ClientCPUSeconds: cpu,
	}, nil
}

// sendOpen sends each record when it is due, by the rate alone, whatever became of those before it.
func (l *load) sendOpen(begin uint64, payload []byte, lateness *tally) {
	defer l.sent.Done()
	runtime.LockOSThread()
	gap := 1e9 / *l.order.Rate
	for count := 0; ; count++ {
		due := begin + uint64(gap*float64(count))
		if due >= l.window[1] {
			return
		}
		sleepUntil(l.at(due))
		lateness.latency(l.now() - due)
		l.send(l.producers[count%len(l.producers)], due, payload)
	}
}

// sendClosed keeps as much in flight as there are slots.
func (l *load) sendClosed(p *producer, begin uint64, payload []byte) {
	defer l.sent.Done()
	sleepUntil(l.at(begin))
	for l.now() < l.window[1] {
		p.slots <- struct{}{}
		l.send(p, l.now(), payload)
	}
}

func (l *load) send(p *producer, intended uint64, payload []byte) {
	data := make([]byte, len(payload))
	copy(data, payload)
	binary.LittleEndian.PutUint64(data, intended)
	message := &nats.Msg{Subject: l.streams[p.next], Data: data}
	p.next = (p.next + 1) % len(l.streams)
	p.lock.Lock()
	p.tally.sent(intended)
	p.lock.Unlock()
	if _, err := p.stream.PublishMsgAsync(message); err != nil {
		p.onError(err)
	}
}

func (l *load) onAck(p *producer, message *nats.Msg) {
	now := l.now()
	p.lock.Lock()
	p.tally.acknowledged(binary.LittleEndian.Uint64(message.Data), now, len(message.Data))
	p.lock.Unlock()
	p.release()
}

func (p *producer) onError(err error) {
	p.lock.Lock()
	p.tally.errors[err.Error()]++
	p.lock.Unlock()
	p.release()
}

// release gives a slot back; an open loop takes none.
func (p *producer) release() {
	select {
	case <-p.slots:
	default:
	}
}

func (l *load) now() uint64 { return uint64(time.Since(l.base)) }

func (l *load) at(nanos uint64) time.Time { return l.base.Add(time.Duration(nanos)) }
