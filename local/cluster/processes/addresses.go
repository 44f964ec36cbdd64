package processes

import (
	"fmt"
	"net"
)

// addresses gives each pod a loopback address of its own: all of 127.0.0.0/8 answers without being set up, so that two pods
// can listen on the same port.
type addresses struct {
	network string
	last    int
	taken   map[string]bool
}

// The third and the fourth byte run from 1 to 254 each.
const addressCount = 254 * 254

func newAddresses(network string) (*addresses, error) {
	if ip := net.ParseIP(network + ".1.1"); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("pod network %q: want the first two bytes of a loopback address, such as 127.77", network)
	}
	return &addresses{network: network, taken: map[string]bool{}}, nil
}

// take goes round, so that an address is not given to the next pod while clients of the last one still try it.
func (a *addresses) take() (string, error) {
	for range addressCount {
		address := fmt.Sprintf("%s.%d.%d", a.network, a.last/254+1, a.last%254+1)
		a.last = (a.last + 1) % addressCount
		if !a.taken[address] {
			a.taken[address] = true
			return address, nil
		}
	}
	return "", fmt.Errorf("all %d addresses of %s are taken", addressCount, a.network)
}

func (a *addresses) giveBack(address string) { delete(a.taken, address) }
