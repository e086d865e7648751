import { open, readFile, rename } from 'node:fs/promises'

/** As long as a device's certificate lives. */
const CERTIFICATE_LIFE_SECONDS = 30 * 86_400

/** The broker may read at any moment, so it finds the old file or the new one, never half of one. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

/**
 * Adds denials to an `acl_file`, which Mosquitto asks before any pattern. Each goes when no certificate of the device can be about any
 * more: the broker goes through the list at each connection.
 * @param names `product/environment/d/device`.
 */
export async function denyCertificates(path: string, names: readonly string[], now: number): Promise<void> {
  const [rules = '', ...denials] = (await readFile(path, 'utf8')).split(/^(?=# out until )/m)
  const ids = new Set(names.map((name) => name.slice(name.lastIndexOf('/') + 1)))
  const kept = denials.filter((text) => {
    const [, until, id = ''] = /^# out until (\d+)\nuser (\S+)\n/.exec(text) ?? []
    return Number(until) > now && !ids.has(id)
  })
  const until = Math.ceil(now) + CERTIFICATE_LIFE_SECONDS
  const added = [...ids].map((id) => `# out until ${until}\nuser ${id}\ntopic deny #\n`)
  await writeWhole(path, [rules, ...kept, ...added].join(''))
}
