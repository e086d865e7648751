import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const built = dirname(dirname(fileURLToPath(import.meta.url)))

/** The built programs of the product. */
export const programs = {
  node: process.execPath,
  /** The project's folder: read by everything, written by nothing. */
  project: dirname(built),
  cli: join(built, 'src/cli/main.js'),
  server: join(built, 'src/server/main.js'),
  signer: join(built, 'src/signer/main.js'),
  fleet: join(built, 'device-sim/main.js'),
}
