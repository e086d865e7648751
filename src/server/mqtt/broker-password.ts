import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)
// What mosquitto_passwd writes. Few rounds, and enough: what is hashed is a random secret, not a word a person chose,
// and on every reload the broker checks each connected client again.
const ROUNDS = 101
const SALT_BYTES = 12
const HASH_BYTES = 64

/** One line of a Mosquitto password file: kind 7 is PBKDF2 with SHA-512. */
export async function passwordLine(username: string, password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, ROUNDS, HASH_BYTES, 'sha512')
  return `${username}:$7$${ROUNDS}$${salt.toString('base64')}$${hash.toString('base64')}`
}
