package integration

// change is what a call gives on a disk and in a drive.
type change struct{ disk, drive string }

// posixDifferences are the calls that give another result in a drive than on a disk,
// by the row of docs/semantics.md that says why.
var posixDifferences = []struct {
	name  string
	calls map[string]change
}{
	{"Names", map[string]change{
		"names: read 256 bytes":               {"ENAMETOOLONG", "ENOENT"},
		"names: a newline":                    {"ok", "EINVAL"},
		"names: read a newline":               {`9 bytes "a newline"`, "ENOENT"},
		"names: a tab":                        {"ok", "EINVAL"},
		"names: read a tab":                   {`5 bytes "a tab"`, "ENOENT"},
		"names: control character 1":          {"ok", "EINVAL"},
		"names: read control character 1":     {`19 bytes "control character 1"`, "ENOENT"},
		"names: delete":                       {"ok", "EINVAL"},
		"names: read delete":                  {`6 bytes "delete"`, "ENOENT"},
		"names: bytes that are no UTF-8":      {"ok", "EINVAL"},
		"names: read bytes that are no UTF-8": {`23 bytes "bytes that are no UTF-8"`, "ENOENT"},
		"names: mkdir a tab":                  {"ok", "EINVAL"},
		"names: rename to a tab":              {"ok", "EINVAL"},
		"names: a file below it":              {"ok", "EINVAL"},
	}},
	{"`renameat2`", map[string]change{
		"rename: a to dir EXCHANGE":               {"ok", "EINVAL"},
		"rename: afterwards a to dir EXCHANGE":    {". a a/x=r/dir/x b=r/b dir=r/a empty full full/f=r/full/f", ". a=r/a b=r/b dir dir/x=r/dir/x empty full full/f=r/full/f"},
		"rename: dir to full EXCHANGE":            {"ok", "EINVAL"},
		"rename: afterwards dir to full EXCHANGE": {". a=r/a b=r/b dir dir/f=r/full/f empty full full/x=r/dir/x", ". a=r/a b=r/b dir dir/x=r/dir/x empty full full/f=r/full/f"},
		"rename: a to new WHITEOUT":               {"ok", "EINVAL"},
	}},
	{"Hard and symbolic links", map[string]change{
		"links: link":                {"ok", "EPERM"},
		"links: links after link":    {"2", "1"},
		"links: symlink":             {"ok", "EPERM"},
		"links: through a symlink":   {`7 bytes "content"`, "ENOENT"},
		"links: lchown of a symlink": {"ok", "ENOENT"},
	}},
	{"Pipes, devices, sockets", map[string]change{
		"special: mkfifo":                      {"ok", "EPERM"},
		"special: mknod of a character device": {"ok", "EPERM"},
		"special: mknod of a block device":     {"ok", "EPERM"},
		"special: mknod of a socket":           {"ok", "EPERM"},
		"special: bind":                        {"ok", "EPERM"},
	}},
	{"`O_TMPFILE`", map[string]change{
		"open: O_TMPFILE": {"ok", "ENOTSUP"},
	}},
	{"Holes", map[string]change{
		"seek: SEEK_HOLE at the end":  {"ENXIO", "10000"},
		"seek: SEEK_DATA in a hole":   {"1048576", "0"},
		"seek: SEEK_HOLE in a hole":   {"0", "3145728"},
		"seek: a hole takes no room":  {"true", "false"},
		"allocate: a hole":            {"ok", "ENOTSUP"},
		"allocate: zeros":             {"ok", "ENOTSUP"},
		"allocate: to take out":       {"ok", "ENOTSUP"},
		"allocate: to put in":         {"ok", "ENOTSUP"},
		"allocate: bytes in the hole": {"0", "4096"},
		"map: MADV_REMOVE":            {"ok", "ENOTSUP"},
	}},
	{"Large files", map[string]change{
		"truncate: more than 5 GiB": {"ok", "EFBIG"},
		"truncate: write at 5 GiB":  {"1", "EFBIG"},
	}},
	{"`O_DIRECT`", map[string]change{
		"direct: read without alignment":  {"EINVAL", "100"},
		"direct: write without alignment": {"EINVAL", "5"},
	}},
	{"`RWF_NOWAIT`", map[string]change{
		"write: preadv2 RWF_NOWAIT": {"100", "ENOTSUP"},
	}},
	{"Sizes, blocks and links of folders", map[string]change{
		"stat: links of a folder":   {"3", "1"},
		"stat: a folder has a size": {"true", "false"},
		"stat: the unit of blocks is 512 bytes and a file takes whole pages": {"true", "false"},
		"stat: the best size to read is a page":                              {"true", "false"},
	}},
	{"`atime`", map[string]change{
		"times: atime was set":    {"true", "false"},
		"times: read moves atime": {"true", "false"},
	}},
	{"`ctime`", map[string]change{
		"times: ctime is of now":                  {"true", "false"},
		"times: chmod moves ctime":                {"true", "false"},
		"times: chown to the same moves ctime":    {"true", "false"},
		"times: rename of the file moves ctime":   {"true", "false"},
		"times: rename of the folder moves ctime": {"true", "false"},
	}},
	{"Times of folders", map[string]change{
		"times: create in a folder moves mtime": {"true", "false"},
		"times: create in a folder moves ctime": {"true", "false"},
		"times: mkdir in a folder moves mtime":  {"true", "false"},
		"times: mkdir in a folder moves ctime":  {"true", "false"},
		"times: rename in a folder moves mtime": {"true", "false"},
		"times: rename in a folder moves ctime": {"true", "false"},
		"times: unlink in a folder moves mtime": {"true", "false"},
		"times: unlink in a folder moves ctime": {"true", "false"},
		"times: rmdir in a folder moves mtime":  {"true", "false"},
		"times: rmdir in a folder moves ctime":  {"true", "false"},
	}},
	{"Extended attributes", map[string]change{
		"xattr: set user.mine":                  {"ok", "ENOTSUP"},
		"xattr: set user.mine of a folder":      {"ok", "ENOTSUP"},
		"xattr: remove user.mine":               {"ok", "ENODATA"},
		"xattr: set trusted.mine":               {"ok", "ENOTSUP"},
		"xattr: set trusted.mine of a folder":   {"ok", "ENOTSUP"},
		"xattr: remove trusted.mine":            {"ok", "ENODATA"},
		"xattr: set security.mine":              {"ok", "ENOTSUP"},
		"xattr: set security.mine of a folder":  {"ok", "ENOTSUP"},
		"xattr: remove security.mine":           {"ok", "ENODATA"},
		"xattr: remove system.posix_acl_access": {"ok", "ENODATA"},
		"xattr: get trusted.mine":               {"ENODATA", "ENOTSUP"},
		"xattr: get security.mine":              {"ENODATA", "ENOTSUP"},
		"xattr: get security.capability":        {"ENODATA", "ENOTSUP"},
		"xattr: get system.posix_acl_access":    {"ENODATA", "ENOTSUP"},
		"xattr: get system.posix_acl_default":   {"ENODATA", "ENOTSUP"},
		"xattr: get other.mine":                 {"ENOTSUP", "ENODATA"},
		"xattr: remove other.mine":              {"ENOTSUP", "ENODATA"},
		"xattr: get none":                       {"ENOTSUP", "ENODATA"},
		"xattr: remove none":                    {"ENOTSUP", "ENODATA"},
		"xattr: set with XATTR_REPLACE":         {"ENODATA", "ENOTSUP"},
		"xattr: set with XATTR_CREATE":          {"ok", "ENOTSUP"},
		"xattr: list shows what was set":        {"true", "false"},
		"xattr: get by fd":                      {"0", "ENODATA"},
		"xattr: set an access control list":     {"ok", "ENOTSUP"},
		"xattr: set one for what is new":        {"ok", "ENOTSUP"},
	}},
	{"Set-user-ID programs", map[string]change{
		"statfs: nosuid":   {"false", "true"},
		"statfs: nodev":    {"false", "true"},
		"run: set-user-ID": {"12", "0"},
	}},
	{"`chattr`", map[string]change{
		"ioctl: FS_IOC_GETFLAGS":             {"ok", "ENOTTY"},
		"ioctl: FS_IOC_GETFLAGS of a folder": {"ok", "ENOTTY"},
	}},
	{"Removed folders", map[string]change{
		"removed folder: open .": {"ok", "ESTALE"},
		"removed folder: fchmod": {"ok", "ENOENT"},
	}},
}
