import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initToken } from '../../src/token/init-token.js'
import { pinFromFile, type PinSource } from '../../src/token/pin-file.js'

/** A token of one test file, in a folder of its own. */
export interface TokenUnderTest {
  readonly folder: string
  readonly modulePath: string
  readonly label: string
  readonly pin: string
  readonly pinFile: string
  readonly readPin: PinSource
  readonly refuseSoftToken: false
  dispose(): void | Promise<void>
}

/** The one in SoftHSM. */
export interface ScratchToken extends TokenUnderTest {
  dispose(): void
}

const modulePlaces = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]

/**
 * Jest gives tests a copy of `process.env` that no C library sees. A function from outside of its sandbox reaches
 * the environment of the process, where assigning calls setenv.
 */
export const processEnv = (execFile.constructor as FunctionConstructor)('return process.env')() as NodeJS.ProcessEnv

/** Makes a fresh token and points SoftHSM to it; close everything that uses the module before `dispose`. */
export function createScratchToken(label = 'scratch'): ScratchToken {
  const modulePath = modulePlaces.find((place) => existsSync(place))
  if (modulePath === undefined) throw new Error('SoftHSM2 is not installed: run scripts/setup')
  const folder = mkdtempSync(join(tmpdir(), 'countersign-token-'))
  mkdirSync(join(folder, 'tokens'), { mode: 0o700 })
  const configuration = join(folder, 'softhsm2.conf')
  const lines = [`directories.tokendir = ${join(folder, 'tokens')}`, 'objectstore.backend = file', 'log.level = ERROR']
  writeFileSync(configuration, `${lines.join('\n')}\n`)
  const before = processEnv['SOFTHSM2_CONF']
  processEnv['SOFTHSM2_CONF'] = configuration
  const pin = '24680-user'
  const pinFile = join(folder, 'pin')
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
  initToken({ modulePath, label, soPin: '13579-officer', userPin: pin })
  const dispose = (): void => {
    if (before === undefined) delete processEnv['SOFTHSM2_CONF']
    else processEnv['SOFTHSM2_CONF'] = before
    rmSync(folder, { recursive: true })
  }
  return { folder, modulePath, label, pin, pinFile, readPin: pinFromFile(pinFile), refuseSoftToken: false, dispose }
}
