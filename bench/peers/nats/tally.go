package main

import (
	"math/bits"
	"sort"
)

// side is one direction of a load, as a result of corelane-bench has it.
type side struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
	// Buckets are latencies in nanoseconds with how often each was.
	Buckets              [][2]uint64 `json:"buckets"`
	RecordsOverTime      []uint64    `json:"records_over_time"`
	BytesOverTime        []uint64    `json:"bytes_over_time"`
	LatencyMaxUsOverTime []float64   `json:"latency_max_us_over_time"`
}

// tally counts as corelane-bench does: a latency belongs to the measured time if the record was meant for it, however late the
// answer comes; throughput is what was answered in it.
type tally struct {
	window     [2]uint64
	step       uint64
	counts     map[uint64]uint64
	pending    map[uint64]uint64
	errors     map[string]uint64
	bins       []bin
	records    uint64
	bytes      uint64
	unanswered uint64
}

type bin struct {
	records, bytes, latencyMax uint64
}

func newTally(stepSeconds float64) tally {
	return tally{step: uint64(stepSeconds * 1e9), counts: map[uint64]uint64{}, pending: map[uint64]uint64{}, errors: map[string]uint64{}}
}

func (t *tally) sent(intended uint64) {
	if t.isMeasured(intended) {
		t.pending[intended]++
	}
}

func (t *tally) acknowledged(intended, now uint64, size int) {
	if t.isMeasured(intended) {
		if t.pending[intended]--; t.pending[intended] == 0 {
			delete(t.pending, intended)
		}
		t.latency(now - intended)
		bin := t.bin(intended)
		bin.latencyMax = max(bin.latencyMax, now-intended)
	}
	if t.isMeasured(now) {
		t.records++
		t.bytes += uint64(size)
		bin := t.bin(now)
		bin.records++
		bin.bytes += uint64(size)
	}
}

// giveUp counts what has no answer with the time that was waited for it; returns how much that is.
func (t *tally) giveUp(now uint64) (unanswered uint64) {
	for intended, count := range t.pending {
		unanswered += count
		for range count {
			t.latency(now - intended)
		}
	}
	return unanswered
}

// latency counts in buckets that are a thousandth wide, by their upper end.
func (t *tally) latency(nanos uint64) {
	shift := max(0, bits.Len64(nanos)-11)
	t.counts[nanos|(1<<shift-1)]++
}

func (t *tally) isMeasured(at uint64) bool { return t.window[0] <= at && at < t.window[1] }

func (t *tally) bin(at uint64) *bin {
	index := int((at - t.window[0]) / t.step)
	for len(t.bins) <= index {
		t.bins = append(t.bins, bin{})
	}
	return &t.bins[index]
}

func (t *tally) add(other *tally) {
	t.records += other.records
	t.bytes += other.bytes
	for nanos, count := range other.counts {
		t.counts[nanos] += count
	}
	for what, count := range other.errors {
		t.errors[what] += count
	}
	for len(t.bins) < len(other.bins) {
		t.bins = append(t.bins, bin{})
	}
	for index, theirs := range other.bins {
		ours := &t.bins[index]
		ours.records += theirs.records
		ours.bytes += theirs.bytes
		ours.latencyMax = max(ours.latencyMax, theirs.latencyMax)
	}
}

func (t *tally) list() [][2]uint64 {
	list := make([][2]uint64, 0, len(t.counts))
	for nanos, count := range t.counts {
		list = append(list, [2]uint64{nanos, count})
	}
	sort.Slice(list, func(i, j int) bool { return list[i][0] < list[j][0] })
	return list
}

func (t *tally) side() side {
	s := side{Records: t.records, Bytes: t.bytes, Buckets: t.list()}
	for _, bin := range t.bins {
		s.RecordsOverTime = append(s.RecordsOverTime, bin.records)
		s.BytesOverTime = append(s.BytesOverTime, bin.bytes)
		s.LatencyMaxUsOverTime = append(s.LatencyMaxUsOverTime, float64(bin.latencyMax)/1e3)
	}
	return s
}
