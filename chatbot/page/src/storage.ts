// What this browser remembers for the page at this address: other pages of the same host have names of their own.

const PREFIX = `chatassistant:${location.pathname}:`;

function safely<Result>(attempt: () => Result): Result | undefined {
  try {
    return attempt();
  } catch {
    // Storage may be switched off or full: then nothing is remembered, and the page works all the same.
    return undefined;
  }
}

class Shelf {
  readonly #storage: () => Storage;

  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  get(name: string): string | undefined {
    return safely(() => this.#storage().getItem(PREFIX + name)) ?? undefined;
  }

  set(name: string, value: string | undefined): void {
    safely(() => (value ? this.#storage().setItem(PREFIX + name, value) : this.#storage().removeItem(PREFIX + name)));
  }
}

/** Until the browser forgets it. */
export const lasting = new Shelf(() => localStorage);

/** For this tab, as long as it is open. */
export const session = new Shelf(() => sessionStorage);

const STORE = "conversations";

/** Objects by owner and id, of any size. */
export class Archive<Entry extends { readonly id: string }> {
  readonly #owner: string;
  readonly #database: Promise<IDBDatabase | undefined>;
  readonly #memory = new Map<string, Entry>();

  constructor(owner: string) {
    this.#owner = owner;
    this.#database = open().catch(() => undefined);
  }

  async all(): Promise<Entry[]> {
    const range = IDBKeyRange.bound([this.#owner], [this.#owner, []]);
    return (await this.#run<Entry[]>("readonly", (store) => store.getAll(range))) ?? [...this.#memory.values()];
  }

  async get(id: string): Promise<Entry | undefined> {
    return (await this.#run<Entry>("readonly", (store) => store.get([this.#owner, id]))) ?? this.#memory.get(id);
  }

  async put(entry: Entry): Promise<void> {
    const stored = await this.#run("readwrite", (store) => store.put(entry, [this.#owner, entry.id]));
    if (stored === undefined) this.#memory.set(entry.id, structuredClone(entry));
  }

  async delete(id: string): Promise<void> {
    this.#memory.delete(id);
    await this.#run("readwrite", (store) => store.delete([this.#owner, id]));
  }

  async #run<Result>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<Result>): Promise<Result | undefined> {
    const database = await this.#database;
    if (!database) return undefined;
    return new Promise((resolve) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
    });
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(PREFIX, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
