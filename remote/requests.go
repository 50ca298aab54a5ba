package remote

// op is a kind of request, for errors and counters.
type op int

const (
	opList op = iota
	opGet
	opCreate
	opPatch
	opMove
	opDelete
	opAuth
	opSSO
	opMe
	opApplications
	opApplication
	opForm
	opContent
)

var opNames = [...]string{"list", "get", "create", "patch", "move", "delete", "auth", "sso", "me",
	"applications", "application", "form", "content"}

func (o op) String() string { return opNames[o] }

// Requests returns how many requests were sent since the start, repetitions
// included, by operation. Operations that were never used are left out.
func (c *Client) Requests() map[string]int64 {
	m := map[string]int64{}
	for i, name := range opNames {
		if n := c.count[i].Load(); n > 0 {
			m[name] = n
		}
	}
	return m
}
