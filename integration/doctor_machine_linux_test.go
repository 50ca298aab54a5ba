package integration

import (
	"os"
	"testing"
)

func TestDoctorOfThisMachine(t *testing.T) {
	emu := newEmulator(t)
	if os.Geteuid() == 0 {
		d := newDrive(t, emu, ordinary)
		d.env = []string{"PATH=" + d.home}
		d.doctor(t).want("problem", "fuse", "fusermount3 is missing")
	}
	d := newDrive(t, emu, os.Geteuid())
	d.smallDisk("50m")
	d.doctor(t).want("problem", "state", "make room")
}
