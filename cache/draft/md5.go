package draft

import (
	"crypto/md5"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// hashStep is how much is hashed at once behind the writes, in bytes. Less waits for
// the call of MD5.
const hashStep = 256 << 10

// digest is the MD5 of the first hashed bytes, as they were in a round.
type digest struct {
	mu     sync.Mutex // held while it hashes, which takes long: before Draft.content
	hash   hash.Hash
	hashed int64
	round  uint64
}

// at makes the digest one of a round.
func (s *digest) at(round uint64) {
	if s.round != round || s.hash == nil {
		s.hash, s.hashed, s.round = md5.New(), 0, round
	}
}

// MD5 returns the MD5 of the content, in hexadecimal. What was written in order from
// the start is hashed while it is written. It fails with [ErrIncomplete], and with
// [ErrChanged] when the content changes meanwhile.
func (d *Draft) MD5() (string, error) {
	s := &d.digest
	s.mu.Lock()
	defer s.mu.Unlock()
	d.content.RLock()
	size, generation := d.size, d.generation
	s.at(d.round)
	err := d.wholeLocked()
	sum, cloneErr := s.hash.(hash.Cloner).Clone()
	d.content.RUnlock()
	if err == nil {
		err = cloneErr
	}
	if err == nil {
		rest := io.NewSectionReader(d.data, s.hashed, size-s.hashed)
		err = d.copyUnchanged(sum, rest, size-s.hashed, generation)
	}
	if err != nil {
		return "", err
	}
	d.content.Lock()
	defer d.content.Unlock()
	if d.generation != generation {
		return "", ErrChanged
	}
	s.hash, s.hashed, d.ordered, d.behind = sum, size, size, size
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// orderLocked takes note that n bytes were written at off.
func (d *Draft) orderLocked(off, n int64) {
	d.disorderLocked(off)
	if off != d.ordered {
		return
	}
	d.ordered += n
	if d.ordered-d.behind >= hashStep && !d.hashing {
		d.hashing = true
		go d.hashBehind()
	}
}

// disorderLocked takes note that what follows the first n bytes has changed.
func (d *Draft) disorderLocked(n int64) {
	if n < d.ordered {
		d.ordered, d.behind = 0, 0
		d.round++
	}
}

// hashBehind hashes what is written in order, until it has caught up: nobody who
// writes waits for that, nor who sends.
func (d *Draft) hashBehind() {
	p := make([]byte, hashStep)
	for d.hashNext(p) {
	}
}

// hashNext hashes the next step, and reports whether there was one.
func (d *Draft) hashNext(p []byte) bool {
	s := &d.digest
	s.mu.Lock()
	defer s.mu.Unlock()
	d.content.Lock()
	s.at(d.round)
	d.behind = s.hashed
	d.hashing = !d.closed && d.ordered-s.hashed >= hashStep
	more := d.hashing
	d.content.Unlock()
	if !more {
		return false
	}
	if _, err := d.data.ReadAt(p, s.hashed); err != nil {
		return d.giveUpHashing()
	}
	d.content.Lock()
	same := s.round == d.round && !d.closed
	d.content.Unlock()
	if same { // what was read is what was written in order
		_, _ = s.hash.Write(p)
		s.hashed += int64(len(p))
	}
	return true
}

// giveUpHashing leaves the rest to MD5, which says why it cannot be read.
func (d *Draft) giveUpHashing() bool {
	d.content.Lock()
	defer d.content.Unlock()
	d.hashing = false
	return false
}
