import { readFileSync, statSync } from "node:fs";

export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface Parsed<T> {
  stamp: string;
  value: T;
}

/** Local users and groups, read from /etc/passwd and /etc/group and read again when these change. */
export class UserDatabase {
  readonly #passwdFile: string;
  readonly #groupFile: string;
  #passwd: Parsed<User[]> | undefined;
  #group: Parsed<GroupEntry[]> | undefined;
  #byName = new Map<string, User>();
  #userNames = new Map<number, string>();
  #groupNames = new Map<number, string>();
  #memberships = new Map<string, number[]>();

  constructor(etcDir = "/etc") {
    this.#passwdFile = `${etcDir}/passwd`;
    this.#groupFile = `${etcDir}/group`;
  }

  find(name: string): User | undefined {
    this.#load();
    return this.#byName.get(name);
  }

  /** The name, or the number as text where there is none. */
  userName(uid: number): string {
    return this.#userNames.get(uid) ?? String(uid);
  }

  groupName(gid: number): string {
    return this.#groupNames.get(gid) ?? String(gid);
  }

  /** The group ids of a login of this user, its own first. */
  groupsOf(user: User): number[] {
    this.#load();
    const key = `${user.name}:${user.gid}`;
    const known = this.#memberships.get(key);
    if (known) return known;
    const groups = new Set([user.gid]);
    for (const group of this.#group?.value ?? [])
      if (group.members.includes(user.name)) groups.add(group.gid);
    const list = [...groups];
    this.#memberships.set(key, list);
    return list;
  }

  /** Looks for changes; `userName` and `groupName` rely on the caller to have called it once per request. */
  refresh(): void {
    this.#load();
  }

  #load(): void {
    const passwd = reread(this.#passwdFile, this.#passwd, parsePasswd);
    const group = reread(this.#groupFile, this.#group, parseGroup);
    if (passwd === this.#passwd && group === this.#group) return;
    this.#passwd = passwd;
    this.#group = group;
    this.#memberships.clear();
    // The first entry of a number or name counts, as in the C library.
    this.#byName = new Map(passwd.value.toReversed().map((user) => [user.name, user]));
    this.#userNames = new Map(passwd.value.toReversed().map((user) => [user.uid, user.name]));
    this.#groupNames = new Map(group.value.toReversed().map((entry) => [entry.gid, entry.name]));
  }
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

function reread<T>(file: string, known: Parsed<T> | undefined, parse: (lines: string[][]) => T): Parsed<T> {
  const stat = statSync(file, { throwIfNoEntry: false });
  const stamp = stat ? `${stat.ino}:${stat.size}:${stat.mtimeMs}` : "";
  if (known?.stamp === stamp) return known;
  const text = stat ? readFileSync(file, "utf8") : "";
  return { stamp, value: parse(text.split("\n").map((line) => line.split(":"))) };
}

const isId = (text: string | undefined): text is string => text !== undefined && /^\d{1,10}$/.test(text);

function parsePasswd(lines: string[][]): User[] {
  const users = lines.flatMap(([name, , uid, gid, , home]) =>
    name && isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home: home || "/" }] : [],
  );
  // An image without /etc/passwd still has its superuser.
  return users.length > 0 ? users : [{ name: "root", uid: 0, gid: 0, home: "/root" }];
}

function parseGroup(lines: string[][]): GroupEntry[] {
  return lines.flatMap(([name, , gid, members]) =>
    name && isId(gid) ? [{ name, gid: Number(gid), members: members ? members.split(",") : [] }] : [],
  );
}
