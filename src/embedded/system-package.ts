import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Refusal } from '../domain/refusal.js'

/** Where system programs live that are not on every user's PATH (Debian's sbin, Homebrew's sbin). */
const FURTHER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/bin', '/opt/homebrew/sbin']

/** Full path of an installed program. @throws Refusal `PACKAGE_MISSING` with the command that installs it. */
export function requireProgram(program: string, packageName = program): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FURTHER_FOLDERS].filter(
    (folder) => folder !== '',
  )
  const found = folders.map((folder) => join(folder, program)).find((path) => isUsable(path, constants.X_OK))
  return found ?? refusePackage(packageName)
}

/** The first of these files that exists. @throws Refusal `PACKAGE_MISSING` with the command that installs it. */
export function requirePackageFile(paths: readonly string[], packageName: string): string {
  return paths.find((path) => isUsable(path, constants.R_OK)) ?? refusePackage(packageName)
}

function refusePackage(packageName: string): never {
  const byHand = process.platform === 'darwin' ? `brew install ${packageName}` : `apt-get install ${packageName}`
  throw new Refusal('PACKAGE_MISSING', { name: packageName, fix: `scripts/setup, or ${byHand}` })
}

function isUsable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
