import type { Token } from '../../src/token/token.port.js'
import { makeFixtureToken, type FixtureToken } from '../support/signer-fixture.js'

let made: Promise<FixtureToken> | null = null

/**
 * One token for every scene of a run, opened once: SoftHSM knows one configuration a process, and keys take their time. Only
 * scenes with an authority for devices have their root list its key.
 */
export async function sharedToken(withDeviceCa = false): Promise<FixtureToken> {
  made ??= share()
  const token = await made
  if (withDeviceCa) return token
  const keys = new Map(token.keys)
  keys.delete('device-ca')
  return { ...token, keys }
}

/** Call when the last scene is closed. */
export async function disposeSharedToken(): Promise<void> {
  const token = await made
  made = null
  await token?.dispose()
}

async function share(): Promise<FixtureToken> {
  const token = await makeFixtureToken(true)
  const opened = await token.open()
  const shared: Token = {
    keys: () => opened.keys(),
    sign: (keyId, algorithm, message) => opened.sign(keyId, algorithm, message),
    close: () => Promise.resolve(),
  }
  const dispose = async (): Promise<void> => {
    await opened.close()
    await token.dispose()
  }
  return { ...token, open: () => Promise.resolve(shared), dispose }
}
