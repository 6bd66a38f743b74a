/** Why a file that a person named cannot be read, in their words: the system's own are for programmers. */
export function whyUnreadable(error: { readonly code?: string; readonly message: string }): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read by this user'
    case 'EISDIR':
      return 'it is a folder, not a file'
    case 'ENOTDIR':
      return 'its path goes through something that is no folder'
    default:
      return error.message
  }
}
