/** Asks again and again until it holds. For what happens by itself a little later; never a fixed time. */
export async function eventually(check: () => Promise<void> | void, attempts = 500): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await check()
      return
    } catch (error) {
      if (attempt === attempts) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
