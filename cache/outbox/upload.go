package outbox

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"losantfs/cache/draft"
	"losantfs/remote"
)

// errAborted ends an upload whose file is being written to: what would arrive is
// neither the old content nor the new.
var errAborted = errors.New("the file is being changed")

// abortsBeforeSnapshot is how often a file may be written to while it is sent
// until a copy of it is sent instead, so that it arrives at last.
const abortsBeforeSnapshot = 2

// parcel is a content that is ready to be sent.
type parcel struct {
	ctx         context.Context
	end         func()
	reader      io.ReaderAt
	handover    *handover
	size        int64
	md5         string
	gen         uint64
	looked      time.Time // when it was last seen what the content is to replace; zero for nothing
	contentType string
	dimensions  *remote.Dimensions
}

// prepare readies the content of a node, which must be complete, for sending. A
// change of it ends ctx with errAborted, unless all of it was sent by then.
func (b *Outbox) prepare(n *Node, name, contentType string) (*parcel, error) {
	b.mu.Lock()
	d, aborts := n.draft, n.aborts
	if d == nil { // removed meanwhile
		b.mu.Unlock()
		return nil, errAborted
	}
	ctx, cancel := context.WithCancelCause(b.ctx)
	p := &parcel{ctx: ctx, gen: d.Generation(), handover: &handover{cancel: cancel}}
	n.abort = p.handover.abort
	b.mu.Unlock()
	p.reader = &steady{d, d.Reader(), p.gen}
	var snapshot *os.File
	arrived := b.awaiting.send()
	p.end = sync.OnceFunc(func() {
		arrived()
		d.OnChange(nil)
		cancel(nil)
		if snapshot != nil {
			snapshot.Close()
		}
	})
	d.OnChange(p.handover.abort)
	var err error
	if aborts >= abortsBeforeSnapshot {
		if snapshot, err = b.snapshot(d, n.id); err == nil {
			p.reader = snapshot
			d.OnChange(nil) // the copy does not change
		}
	}
	if err == nil {
		p.size, _ = d.Size()
		if snapshot != nil {
			p.size, p.md5, err = measure(snapshot)
		} else {
			p.md5, err = d.MD5()
		}
	}
	if errors.Is(err, draft.ErrChanged) {
		err = errAborted
	}
	if err == nil && p.size > remote.MaxUpload {
		err = &remote.Error{Kind: remote.TooLarge, Op: "upload", Message: "the service takes files of up to 5 GiB"}
	}
	if err == nil && d.Generation() != p.gen && snapshot == nil {
		err = errAborted
	}
	if err != nil {
		p.end()
		return nil, b.aborted(n, err)
	}
	p.contentType = contentTypeOf(name, contentType, io.NewSectionReader(p.reader, 0, p.size))
	p.dimensions = dimensionsOf(p.contentType, io.NewSectionReader(p.reader, 0, p.size))
	return p, nil
}

// steady reads a draft as it was in one generation. The generation moves before a
// change can be read, so bytes that were read before it moved are of that
// generation, whatever happens to the upload they are for.
type steady struct {
	d   *draft.Draft
	r   io.ReaderAt
	gen uint64
}

func (s *steady) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if s.d.Generation() != s.gen {
		return 0, errAborted
	}
	return n, err
}

// handover lets an upload be given up until its last byte is handed out. After that
// the store may take it at any time, whoever waits for the answer: what is sent next
// could arrive before it, and would be lost.
type handover struct {
	cancel context.CancelCauseFunc
	from   io.ReaderAt
	size   int64
	sent   *atomic.Int64
	check  func() error // called before the first byte is handed out

	mu          sync.Mutex
	done, ended bool
}

// begin starts a try.
func (h *handover) begin(from io.ReaderAt, size int64, sent *atomic.Int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from, h.size, h.sent, h.done = from, size, sent, size == 0
	sent.Store(0)
}

func (h *handover) abort() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.done {
		h.ended = true
		h.cancel(errAborted)
	}
}

func (h *handover) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		if err := h.check(); err != nil {
			return 0, err
		}
	}
	n, err := h.from.ReadAt(p, off)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return 0, errAborted
	}
	h.sent.Store(off + int64(n))
	h.done = h.done || n > 0 && off+int64(n) >= h.size
	return n, err
}

// aborted counts an upload that was given up for a change of the file.
func (b *Outbox) aborted(n *Node, err error) error {
	if errors.Is(err, errAborted) {
		b.mu.Lock()
		n.aborts++
		b.mu.Unlock()
	}
	return err
}

// snapshot copies the draft of a node into a file without a name.
func (b *Outbox) snapshot(d *draft.Draft, id uint64) (*os.File, error) {
	path := b.draftPath(id) + ".sending"
	_ = os.Remove(path)
	if err := d.Snapshot(path); err != nil {
		return nil, err
	}
	defer os.Remove(path)
	return os.Open(path)
}

// measure returns the length and the MD5 of a file.
func measure(f *os.File) (int64, string, error) {
	h := md5.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, 1<<62))
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// upload sends a parcel to the store and returns when the service shows it. before
// is the entry as it was, e what the service answered.
func (b *Outbox) upload(j *job, p *parcel, before, e remote.Entry, ticket remote.Ticket) error {
	n := j.n
	p.handover.check = func() error { return b.stillLate(j, p, &before) }
	send := func() error {
		p.handover.begin(p.reader, p.size, &n.sent)
		err := b.o.Service.Upload(p.ctx, ticket, e.Name, p.handover, p.size, p.md5)
		if err != nil && (errors.Is(err, errAborted) || errors.Is(context.Cause(p.ctx), errAborted)) {
			return b.aborted(n, errAborted)
		}
		return err
	}
	asked := time.Now()
	err := send()
	if remote.KindOf(err) == remote.Expired && time.Since(asked) < fresh {
		// A ticket that was no good from the start: nothing can have happened since.
		if _, ticket, err = b.o.Service.Patch(p.ctx, e.ID, p.size, p.contentType, p.dimensions); err == nil {
			err = send()
		}
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	n.aborts = 0
	b.mu.Unlock()
	p.end() // it has arrived: the file may change again
	j.release()
	now, err := b.completed(e, func(now remote.Entry) bool { return p.isIn(&before, &now) })
	if err != nil {
		return err
	}
	return b.adopt(j, now, p)
}

// late is how old the last look at what an upload replaces may be when its first byte
// is sent: it may have waited its turn, or for a service that asks for patience.
const late = 250 * time.Millisecond

// stillLate fails when what an upload is to replace has changed since it was looked
// at.
func (b *Outbox) stillLate(j *job, p *parcel, before *remote.Entry) error {
	if p.looked.IsZero() || time.Since(p.looked) < late {
		return nil
	}
	now, err := b.o.Service.Get(p.ctx, before.ID)
	if err != nil {
		return err
	}
	b.mu.Lock()
	ours := b.begun[j.place()].isOurs(false, now.ETag)
	b.mu.Unlock()
	if now.ETag != before.ETag && !ours {
		return errAborted // decide anew
	}
	p.looked = time.Now()
	return nil
}

// isIn reports whether an entry has the content of p. Where the service gives no
// MD5, it has to have changed since.
func (p *parcel) isIn(before, now *remote.Entry) bool {
	if now.Status != remote.Completed || now.Size != p.size {
		return false
	}
	if now.MD5() != "" {
		return now.MD5() == p.md5
	}
	return before.Status != remote.Completed || now.ETag != before.ETag || now.Updated.After(before.Updated)
}
