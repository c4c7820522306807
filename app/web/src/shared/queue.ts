/** A drawer on the device for what the server has not acknowledged yet; it survives reloads and crashes. */
import { type IDBPDatabase, openDB } from 'idb'

const NAME = 'zhengxue'
const STORE = 'unsent'

export interface Drawer<T> {
  put(key: string, value: T): Promise<void>
  remove(key: string): Promise<void>
  /** All entries whose key begins with `prefix`, in key order. */
  list(prefix: string): Promise<{ key: string; value: T }[]>
}

/** Open the drawer; without IndexedDB (private windows of old browsers) it lives in memory only. */
export async function openDrawer<T>(): Promise<Drawer<T>> {
  try {
    const database = await openDB(NAME, 1, {
      upgrade: (fresh) => void fresh.createObjectStore(STORE),
    })
    return onDisk<T>(database)
  } catch {
    return inMemory<T>()
  }
}

function onDisk<T>(database: IDBPDatabase): Drawer<T> {
  return {
    put: async (key, value) => void (await database.put(STORE, value, key)),
    remove: (key) => database.delete(STORE, key),
    list: async (prefix) => {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`)
      const [keys, values] = await Promise.all([
        database.getAllKeys(STORE, range),
        database.getAll(STORE, range),
      ])
      return keys.map((key, index) => ({ key: String(key), value: values[index] as T }))
    },
  }
}

/** The same in memory; also what tests use. */
export function inMemory<T>(): Drawer<T> {
  const entries = new Map<string, T>()
  return {
    put: async (key, value) => void entries.set(key, value),
    remove: async (key) => void entries.delete(key),
    list: async (prefix) =>
      [...entries]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
  }
}
