import { readFileSync } from 'node:fs'

/** Linux reports CPU time in ticks of USER_HZ, which is 100 on every architecture that Node supports. */
const MS_PER_TICK = 10

/** CPU time that a process has used since its start, user and system, milliseconds (proc_pid_stat(5), fields 14 and 15). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Field 2 is the program's name in brackets and may hold spaces; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

/** Resident memory of a process, MiB. */
export const rssMiB = (pid: number): number => statusMiB(pid, 'VmRSS')

/**
 * Resident memory of a process in its parts, MiB. Pages of mapped files (program, libraries, database) are copies of what is on disk: the
 * kernel takes them back when others need memory. Anonymous pages are held until the process frees them.
 */
export const memoryMiB = (pid: number): { anonymous: number; mappedFiles: number; peak: number } => ({
  anonymous: statusMiB(pid, 'RssAnon'),
  mappedFiles: statusMiB(pid, 'RssFile') + statusMiB(pid, 'RssShmem'),
  peak: statusMiB(pid, 'VmHWM'),
})

/** A line of proc_pid_status(5). */
function statusMiB(pid: number, name: string): number {
  const kiB = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kiB) / 1024
}
