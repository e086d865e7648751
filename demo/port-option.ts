import { Refusal } from '../src/domain/refusal.js'

/** @returns nothing for "any free port", which is also what 0 asks for. @throws Error for what is no port. */
export function readPort(text: string | undefined): { readonly port?: number } {
  if (text === undefined || text === '0') return {}
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535)
    throw new Refusal('CONFIGURATION', { name: '--port', why: `${text}: not a number from 0 to 65535` })
  return { port: Number(text) }
}
