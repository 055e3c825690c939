// Command go-raft measures etcd's Raft core in the shape in which bench/raft-core.ts measures ours: members that live in
// turns in one goroutine, no disk, no network, saves done at once, messages passed on as objects or through their codec.
//
//	go-raft -members 3 -batch 100 -milliseconds 500 [-codec]
//
// prints proposals per second.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

const keptEntries = 10_000

type member struct {
	node    *raft.RawNode
	storage *raft.MemoryStorage
	inbox   []raftpb.Message
	applied uint64
}

type group struct {
	members []*member
	codec   bool
}

func newGroup(size int, codec bool) *group {
	voters := make([]uint64, size)
	for at := range voters {
		voters[at] = uint64(at + 1)
	}
	g := &group{codec: codec}
	for _, id := range voters {
		storage := raft.NewMemoryStorage()
		check(storage.ApplySnapshot(raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{
			Index: 1, Term: 1, ConfState: raftpb.ConfState{Voters: voters},
		}}))
		check(storage.SetHardState(raftpb.HardState{Term: 1, Commit: 1}))
		node, err := raft.NewRawNode(&raft.Config{
			ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, Applied: 1,
			MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, PreVote: true, CheckQuorum: true,
			Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
		})
		check(err)
		g.members = append(g.members, &member{node: node, storage: storage, applied: 1})
	}
	check(g.members[0].node.Campaign())
	for g.members[0].applied < 2 {
		g.turns()
	}
	return g
}

// turns lets every member take its messages, and then do what its core wants.
func (g *group) turns() {
	for _, m := range g.members {
		inbox := m.inbox
		m.inbox = nil
		for _, message := range inbox {
			_ = m.node.Step(g.passed(message))
		}
		for m.node.HasReady() {
			g.perform(m)
		}
	}
}

func (g *group) perform(m *member) {
	ready := m.node.Ready()
	if !raft.IsEmptyHardState(ready.HardState) {
		check(m.storage.SetHardState(ready.HardState))
	}
	check(m.storage.Append(ready.Entries))
	for _, message := range ready.Messages {
		to := g.members[message.To-1]
		to.inbox = append(to.inbox, message)
	}
	if count := len(ready.CommittedEntries); count > 0 {
		m.applied = ready.CommittedEntries[count-1].Index
	}
	m.node.Advance(ready)
}

func (g *group) passed(message raftpb.Message) raftpb.Message {
	if !g.codec {
		return message
	}
	bytes, err := message.Marshal()
	check(err)
	var decoded raftpb.Message
	check(decoded.Unmarshal(bytes))
	return decoded
}

// propose has a batch agreed on, and waits until the leader has applied it.
func (g *group) propose(batch [][]byte) {
	leader := g.members[0]
	entries := make([]raftpb.Entry, len(batch))
	for at, data := range batch {
		entries[at].Data = data
	}
	check(leader.node.Step(raftpb.Message{Type: raftpb.MsgProp, From: 1, Entries: entries}))
	end, err := leader.storage.LastIndex()
	check(err)
	for end += uint64(len(batch)); leader.applied < end; {
		g.turns()
	}
	first, err := leader.storage.FirstIndex()
	check(err)
	if end-first > 2*keptEntries {
		for _, m := range g.members {
			check(m.storage.Compact(m.applied - keptEntries))
		}
	}
}

func (g *group) rate(batch [][]byte, length time.Duration) float64 {
	begin := time.Now()
	count := 0
	for time.Since(begin) < length {
		for done := 0; done < 2000; done += len(batch) {
			g.propose(batch)
			count += len(batch)
		}
	}
	return float64(count) / time.Since(begin).Seconds()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	members := flag.Int("members", 3, "how many members")
	length := flag.Int("batch", 100, "proposals at a time")
	milliseconds := flag.Int("milliseconds", 500, "how long")
	codec := flag.Bool("codec", false, "encode and decode each message")
	flag.Parse()

	payload := make([]byte, 256)
	batch := make([][]byte, *length)
	for at := range batch {
		batch[at] = payload
	}
	g := newGroup(*members, *codec)
	stretch := time.Duration(*milliseconds) * time.Millisecond
	g.rate(batch, stretch)
	fmt.Println(g.rate(batch, stretch))
}
