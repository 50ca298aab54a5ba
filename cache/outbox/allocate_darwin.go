package outbox

import "os"

// allocate does nothing: a full disk is found out when the line is written.
func allocate(*os.File, int64, int64) error { return nil }
