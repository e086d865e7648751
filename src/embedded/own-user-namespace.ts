import { requireProgram } from './system-package.js'

/**
 * The command, run so that it believes to be an ordinary user where we are root. PostgreSQL refuses to run as root,
 * and Mosquitto as root becomes a user who cannot read a 0700 folder of ours. Files still belong to the real user.
 */
export function asOrdinaryUser(command: readonly string[]): string[] {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return [...command]
  return [requireProgram('unshare', 'util-linux'), '--user', '--map-user=1000', '--map-group=1000', ...command]
}
