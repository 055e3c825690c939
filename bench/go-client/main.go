// Command go-client loads an etcd through etcd's own Go client, as bench/support/load.ts does through others: so many
// callers, each of whom calls again once it was answered. Keys and values are those of bench/support/shape.ts, and gets
// are linearizable.
//
//	go-client -endpoint http://127.0.0.1:2379 -kind put -callers 100 -milliseconds 4000 [-connections 1]
//
// prints one line of JSON: calls per second, latencies in milliseconds, and what a call cost this process in microseconds
// of processor time.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	keyCount   = 10_000
	valueBytes = 256
	stride     = 7919
)

type sample struct {
	PerSecond  float64 `json:"perSecond"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	Max        float64 `json:"max"`
	LoadMicros float64 `json:"loadMicros"`
}

// call is made for the at-th time, by whichever caller is next.
type call func(client *clientv3.Client, at uint64) error

func callOf(kind string) call {
	keys := make([]string, keyCount)
	for at := range keys {
		keys[at] = fmt.Sprintf("k%07d", at)
	}
	scattered := func(at uint64) string { return keys[at*stride%keyCount] }
	value := strings.Repeat("v", valueBytes)
	switch kind {
	case "put":
		return func(client *clientv3.Client, at uint64) error {
			_, err := client.Put(context.Background(), scattered(at), value)
			return err
		}
	case "get":
		return func(client *clientv3.Client, at uint64) error {
			response, err := client.Get(context.Background(), scattered(at))
			if err == nil && len(response.Kvs) != 1 {
				err = fmt.Errorf("%s is not there", scattered(at))
			}
			return err
		}
	}
	log.Fatalf("-kind is put or get, not %q", kind)
	return nil
}

// connect returns clients whose connections stand, a connection to each.
func connect(endpoint string, connections int) []*clientv3.Client {
	clients := make([]*clientv3.Client, connections)
	for at := range clients {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
		check(err)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, err = client.Get(ctx, "?")
		cancel()
		check(err)
		clients[at] = client
	}
	return clients
}

func closedLoop(clients []*clientv3.Client, callers int, length time.Duration, each call) sample {
	latencies := make([][]time.Duration, callers)
	var calls atomic.Uint64
	var callersLeft sync.WaitGroup
	cpu := processorTime()
	begin := time.Now()
	end := begin.Add(length)
	for caller := range callers {
		callersLeft.Add(1)
		go func() {
			defer callersLeft.Done()
			for asked := time.Now(); asked.Before(end); {
				check(each(clients[caller%len(clients)], calls.Add(1)-1))
				answered := time.Now()
				latencies[caller] = append(latencies[caller], answered.Sub(asked))
				asked = answered
			}
		}()
	}
	callersLeft.Wait()
	return sampleOf(slices.Concat(latencies...), time.Since(begin), processorTime()-cpu)
}

func sampleOf(latencies []time.Duration, elapsed, cpu time.Duration) sample {
	count := len(latencies)
	if count == 0 {
		log.Fatal("there was no time for a call")
	}
	slices.Sort(latencies)
	quantile := func(share float64) float64 {
		return milliseconds(latencies[min(count-1, int(float64(count)*share))])
	}
	return sample{
		PerSecond:  float64(count) / elapsed.Seconds(),
		P50:        quantile(0.5),
		P99:        quantile(0.99),
		Max:        quantile(1),
		LoadMicros: 1000 * milliseconds(cpu) / float64(count),
	}
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}

// processorTime is what this process has used so far, in user and in system mode.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	endpoint := flag.String("endpoint", "http://127.0.0.1:2379", "whom to load")
	kind := flag.String("kind", "put", "put or get")
	callers := flag.Int("callers", 100, "how many call at a time")
	length := flag.Int("milliseconds", 1000, "how long")
	connections := flag.Int("connections", 1, "how many connections the callers share")
	flag.Parse()

	each := callOf(*kind)
	clients := connect(*endpoint, *connections)
	found := closedLoop(clients, *callers, time.Duration(*length)*time.Millisecond, each)
	check(json.NewEncoder(os.Stdout).Encode(found))
}
