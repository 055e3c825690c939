const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of its path is a file, not a directory",
  EISDIR: "it is a directory, not a file",
  EEXIST: "it exists already",
  ENOTEMPTY: "the directory is not empty",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EMFILE: "this process has too many files open",
  ENFILE: "the system has too many files open",
  ENAMETOOLONG: "the path is too long",
  ELOOP: "the path has too many symbolic links",
  EBUSY: "it is in use",
  EXDEV: "the two paths are on different file systems",
  EIO: "the disk reports an error",
};

/** Says in words why the system refused a call on a file. A reason that has no words here is named by the system's code. */
export function systemReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code !== "string") return error instanceof Error ? error.message : String(error);
  return REASONS[code] ?? code;
}
