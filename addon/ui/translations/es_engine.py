# SPDX-License-Identifier: GPL-3.0-or-later
"""Spanish, second part: what the engine, the server and the package `atrium` say (session/said.py)."""

ENGINE = {
    # csrc/base/error.h: this machine
    "There is not enough memory.": "No hay memoria suficiente.",
    "The queue is full.": "La cola está llena.",
    "A limit was reached.": "Se alcanzó un límite.",
    "An argument is not valid.": "Un argumento no es válido.",
    "This cannot be done in the present state.": "Esto no es posible en el estado actual.",
    "A file could not be read or written.": "No fue posible leer o escribir un archivo.",
    "The system gives no random numbers.": "El sistema no proporciona números aleatorios.",
    "A cryptographic operation failed.": "Falló una operación criptográfica.",
    "Another program uses this port.": "Otro programa usa este puerto.",
    "It was cancelled.": "Se canceló.",
    "This is not an address: type a name or an IP address, with or without a port.": "Esto no es una dirección: escribir un nombre "
    "o una dirección IP, con o sin puerto.",
    "This is not a valid invite.": "Esta invitación no es válida.",
    # bytes from a peer
    "The other side sent bytes that break the protocol.": "El otro extremo envió datos que no respetan el protocolo.",
    "A frame is larger than allowed.": "Una trama supera el tamaño permitido.",
    "A message is larger than allowed.": "Un mensaje supera el tamaño permitido.",
    "A document is larger than allowed.": "Un documento supera el tamaño permitido.",
    "A blob is larger than allowed, or has another size than its array.": "Un bloque de datos supera el tamaño permitido, o su "
    "tamaño no es el de su matriz.",
    "The bytes of a blob do not match its name.": "El contenido de un bloque de datos no corresponde a su nombre.",
    "An array delta does not fit its base.": "La diferencia de una matriz no corresponde a su base.",
    "Compressed bytes are damaged.": "Los datos comprimidos están dañados.",
    "The text is not JSON.": "El texto no es JSON.",
    "JSON is nested too deeply.": "El JSON está anidado en exceso.",
    "A JSON object has the same key twice.": "Un objeto JSON contiene dos veces la misma clave.",
    "JSON text holds a NUL character.": "El texto JSON contiene un carácter NUL.",
    "A JSON number cannot be held exactly.": "Un número JSON no se puede representar con exactitud.",
    "JSON text is not valid UTF-8.": "El texto JSON no es UTF-8 válido.",
    "A stored JSON tree holds null.": "Un árbol JSON guardado contiene null.",
    "A tagged JSON array has the wrong shape.": "Una lista JSON etiquetada no tiene la forma correcta.",
    "A JSON member is missing or has another type than expected.": "Falta un miembro JSON, o es de un tipo distinto al esperado.",
    # documents and rooms
    "It does not exist.": "No existe.",
    "The document was deleted.": "El documento fue borrado.",
    "It exists already.": "Ya existe.",
    "A blob that is named is not there.": "Falta un bloque de datos al que se hace referencia.",
    "You do not have the right to do this.": "No se tiene permiso para hacer esto.",
    "The server cannot keep up at the moment.": "El servidor no da abasto en este momento.",
    "The room's history was lost and must be compared again.": "El historial de la sala se perdió y debe compararse de nuevo.",
    "Whether this change arrived is not known: the room has forgotten who made it.": "No se sabe si este cambio llegó: la sala ya "
    "no recuerda quién lo hizo.",
    "The room is full.": "La sala está llena.",
    "The server is full.": "El servidor está lleno.",
    "This is not a possible name for a room.": "Este nombre no es posible para una sala.",
    "There is no such room.": "Esa sala no existe.",
    "The room was made with another version of Blender.": "La sala se creó con otra versión de Blender.",
    # connections
    "You have asked to enter a second time: the host's answer goes there.": "Se ha llamado por segunda vez: la respuesta del anfitrión llega "
    "allí.",
    "The connection was closed.": "Se cerró la conexión.",
    "The connection was lost before the answer came: try again.": "La conexión se perdió antes de que llegara la respuesta: intentar "
    "de nuevo.",
    "The other side took too long.": "El otro extremo tardó demasiado.",
    "The other side speaks another version of the protocol.": "El otro extremo usa otra versión del protocolo.",
    "The host's key is not the one that was trusted.": "La clave del anfitrión no es aquella en la que se confió.",
    "The host's key is not trusted yet.": "Todavía no se confía en la clave del anfitrión.",
    "The host refused.": "El anfitrión no lo permitió.",
    "It was tried too often: wait a little.": "Demasiados intentos: esperar un poco.",
    "The password is not right.": "La contraseña no es correcta.",
    "The host has not answered yet.": "El anfitrión todavía no ha respondido.",
    "The name of the host is not known.": "No se conoce el nombre del anfitrión.",
    "The name server does not answer.": "El servidor de nombres no responde.",
    "The name leads to this machine or into a private network.": "El nombre lleva a este mismo equipo o a una red privada.",
    "There is no way to this address.": "No hay camino hacia esta dirección.",
    "Nothing answers at this address: is the host connected?": "Nadie responde en esta dirección: ¿está conectado el anfitrión?",
    "Nothing answers at this address: does a firewall stop it?": "Nadie responde en esta dirección: ¿lo impide un cortafuegos?",
    "The tunnel answers, but nobody is behind it: is the host connected?": "El túnel responde, pero no hay nadie detrás: ¿está conectado el "
    "anfitrión?",
    "What answers at this address wants https:// instead of http://.": "Lo que responde en esta dirección quiere https:// en lugar de "
    "http://.",
    "What answers at this address is not Atrium.": "Lo que responde en esta dirección no es Atrium.",
    "The encrypted connection failed.": "Falló la conexión cifrada.",
    # csrc/client
    "The host at {0} is not known yet: its check code is {1}; if that is what its panel shows, trust it.": "El anfitrión en {0} "
    "todavía no se conoce: su código de verificación es {1}; si es el que muestra su panel, confiar en él.",
    "The connection to {0} failed: {1}": "La conexión con {0} falló: {1}",
    "There is no connection: connect first.": "No hay conexión: conectar primero.",
    "The command names no room.": "La orden no indica ninguna sala.",
    "This room is not joined.": "No se está en esta sala.",
    "The presence is too large.": "Los datos de presencia son demasiado grandes.",
    "The command names no key.": "La orden no indica ninguna clave.",
    "There is no such command.": "Esa orden no existe.",
    "The local network cannot be asked for hosts.": "No es posible buscar anfitriones en la red local.",
    "A room is being created already.": "Ya se está creando una sala.",
    "This room is still being left: try again in a moment.": "Todavía se está saliendo de esta sala: intentar de nuevo en un momento.",
    "This room is joined already.": "Ya se está en esta sala.",
    "A password has at most 1,024 bytes.": "Una contraseña tiene como máximo 1024 bytes.",
    "The user name is longer than 255 bytes: choose a shorter one.": "El nombre de usuario supera los 255 bytes: elegir uno más corto.",
    "This host asks for more work than a password needs: is it really the right one?": "Este anfitrión exige más cálculo del que "
    "necesita una contraseña: ¿es realmente el correcto?",
    "This host has no password: connect without one, and it is asked to let you in.": "Este anfitrión no tiene contraseña: conectar "
    "sin ella, y se le pedirá permiso para entrar.",
    "What answers here does not know the password: it is not the host that you mean.": "Lo que responde aquí no conoce la "
    "contraseña: no es el anfitrión que se busca.",
    "Loading meshes and images": "Cargando mallas e imágenes",
    "Loading objects": "Cargando objetos",
    "This is not the check code of the host that answered.": "Este no es el código de verificación del anfitrión que respondió.",
    "No host is waiting to be trusted.": "Ningún anfitrión espera que se confíe en él.",
    # csrc/server
    "The same participant has come in over another connection.": "El mismo participante entró por otra conexión.",
    "Another server uses {0} already, at port {1}: connect to that one, end it first, or choose another folder (--data).": "Otro servidor "
    "usa ya {0}, en el puerto {1}: conectar con ese, terminarlo antes, o elegir otra carpeta (--data).",
    "The file {0} cannot be written: {1}.": "No es posible escribir el archivo {0}: {1}.",
    "Too many people are asking to enter: try again in a few minutes.": "Demasiadas personas están pidiendo entrar: intentar de "
    "nuevo en unos minutos.",
    "This server runs Atrium {0} (protocol {1}), you run Atrium {2} (protocol {3}): both must be of one version.": "Este servidor "
    "usa Atrium {0} (protocolo {1}) y aquí se usa Atrium {2} (protocolo {3}): ambos deben ser de la misma versión.",
    "This invite is no longer valid: ask the host for a new one.": "Esta invitación ya no es válida: pedir una nueva al anfitrión.",
    "The host has decided not to let you in.": "El anfitrión decidió no permitir la entrada.",
    "Only the host can let others in.": "Solo el anfitrión puede dejar entrar a otros.",
    "The decision could not be kept: the list of keys cannot be written.": "No fue posible guardar la decisión: la lista de claves no "
    "se puede escribir.",
    "The host has removed you.": "El anfitrión ha expulsado a este usuario.",
    "The host did not let you in.": "El anfitrión no permitió la entrada.",
    "A message came before the hello was answered.": "Llegó un mensaje antes de que se respondiera el saludo.",
    "The host has not answered.": "El anfitrión no respondió.",
    "The list of keys {0} cannot be read: {1}.": "No es posible leer la lista de claves {0}: {1}.",
    "The list of keys {0} is too long.": "La lista de claves {0} es demasiado larga.",
    "Only the host can invite others.": "Solo el anfitrión puede invitar a otros.",
    "An invite can last from a moment to ten years; 0 hours: for ever.": "Una invitación puede durar desde un instante hasta diez "
    "años; 0 horas: para siempre.",
    "One of the addresses is too long for an invite.": "Una de las direcciones es demasiado larga para una invitación.",
    "This invite has let in as many as it can: ask the host for a new one.": "Esta invitación ya dejó entrar a tantos como puede: pedir "
    "una nueva al anfitrión.",
    "There are too many invites: revoke the old ones first.": "Hay demasiadas invitaciones: revocar antes las anteriores.",
    "The invite could not be kept: the list of invites cannot be written.": "No fue posible guardar la invitación: la lista de "
    "invitaciones no se puede escribir.",
    "Only the host can end the server.": "Solo el anfitrión puede terminar el servidor.",
    "Blender has not started this server: end it where it was started.": "A este servidor no lo inició Blender: hay que terminarlo donde "
    "se inició.",
    "Somebody else is here, or there are rooms.": "Hay alguien más, o hay salas.",
    "Only the host can revoke invites.": "Solo el anfitrión puede revocar invitaciones.",
    "The invites are revoked until this server ends: their list cannot be written.": "Las invitaciones quedan revocadas hasta que "
    "este servidor termine: su lista no se puede escribir.",
    'The room "{0}" was made with Blender {1}.{2}, and this is Blender {3}.{4}: both must be equal.': "La sala “{0}” se creó con "
    "Blender {1}.{2} y este es Blender {3}.{4}: deben ser iguales.",
    "This server has no such room any more.": "Esa sala ya no existe en este servidor.",
    'The room "{0}" is still being filled by who created it: try again in a moment.': "Quien creó la sala “{0}” todavía la está "
    "llenando: intentar de nuevo en un momento.",
    'The room "{0}" was made by an Atrium that writes documents of schema {1}, and this one writes {2}: install the same '
    "version.": "La sala “{0}” se creó con un Atrium que escribe documentos del esquema {1}, y este escribe {2}: instalar la misma "
    "versión.",
    'The room "{0}" is full.': "La sala “{0}” está llena.",
    "A room's name has 1 to 255 bytes.": "El nombre de una sala tiene entre 1 y 255 bytes.",
    "This server has as many rooms as it can hold.": "Este servidor ya tiene todas las salas que puede contener.",
    "The file {0} is not one that this server has written: delete it and set the password anew.": "El archivo {0} no fue escrito por "
    "este servidor: borrarlo y definir de nuevo la contraseña.",
    "A password has between 1 and {0} bytes.": "Una contraseña tiene entre 1 y {0} bytes.",
    "The password could not be set: it is as it was before.": "No fue posible definir la contraseña: sigue siendo la de antes.",
    "The password is changed until this server ends: its file cannot be written.": "La contraseña queda cambiada hasta que este servidor "
    "termine: su archivo no se puede escribir.",
    "This server's list of keys is full: ask the host to make room in it.": "La lista de claves de este servidor está llena: pedir al "
    "anfitrión que haga lugar en ella.",
    "You were let into single rooms: only these can be joined.": "El permiso es para salas determinadas: solo en esas es posible entrar.",
    "There is no such room, or the password is not right.": "Esa sala no existe, o la contraseña no es correcta.",
    "As many rooms have a password as can have one: remove another first.": "No caben más salas con contraseña: quitar antes la de otra.",
    "Another room of this name has a password: have that one removed, or create a room with another name.": "Otra sala con este nombre "
    "tiene contraseña: hacer que se quite, o crear una sala con otro nombre.",
    "Only the host, and who has created the room, can set its password.": "Solo el anfitrión y quien creó la sala pueden definir su "
    "contraseña.",
    "Other passwords are being set: try again in a moment.": "Se están definiendo otras contraseñas: intentar de nuevo en un momento.",
    "Only the host can set the password.": "Solo el anfitrión puede definir la contraseña.",
    "Too many passwords were tried here: try again in {0} seconds, or ask for an invite.": "Aquí se probaron demasiadas contraseñas: "
    "intentar de nuevo en {0} segundos, o pedir una invitación.",
    "The host restarts the server.": "El anfitrión reinicia el servidor.",
    "The server was stopped.": "Se detuvo el servidor.",
    "The path of the data folder is too long.": "La ruta de la carpeta de datos es demasiado larga.",
    # csrc/session
    "{0} belongs to another user: choose a folder of your own.": "{0} pertenece a otro usuario: elegir una carpeta propia.",
    "{0} belongs to another user: it is not used.": "{0} pertenece a otro usuario: no se usa.",
    "{0} holds no usable key. If no other copy exists, delete it: a new one is made.": "{0} no contiene una clave utilizable. Si no "
    "existe otra copia, borrarlo: se creará una nueva.",
    "No key could be made: {0}": "No fue posible crear una clave: {0}",
    # csrc/transport
    "The path behind the host is too long.": "La ruta que sigue al anfitrión es demasiado larga.",
    "There is a character in the path that no address has.": "La ruta contiene un carácter que no puede estar en una dirección.",
    "Addresses begin with nothing, or with tcp://, atrium://, wss://, ws://, https:// or http://.": "Las direcciones no llevan nada "
    "delante, o empiezan por tcp://, atrium://, wss://, ws://, https:// o http://.",
    "After the colon the port is missing.": "Falta el puerto después de los dos puntos.",
    "After the colon there must be a port, a number from 1 to 65535.": "Después de los dos puntos debe haber un puerto, un número "
    "entre 1 y 65535.",
    "A port is a number from 1 to 65535.": "Un puerto es un número entre 1 y 65535.",
    "The closing bracket is missing.": "Falta el corchete de cierre.",
    "After the bracket only a colon and a port may follow.": "Después del corchete solo pueden seguir dos puntos y un puerto.",
    "This is a page of those who make a tunnel's program: copy the address that the program shows.": "Esta es una página de quienes "
    "hacen un programa de túneles: copiar la dirección que muestra el programa.",
    "This IPv6 address is too long.": "Esta dirección IPv6 es demasiado larga.",
    "This is not an IPv6 address.": "Esto no es una dirección IPv6.",
    "After the % the name of a network interface is missing.": "Falta el nombre de una interfaz de red después de %.",
    "After the % there must be the name of a network interface.": "Después de % debe estar el nombre de una interfaz de red.",
    "This name is longer than a host's name can be.": "Este nombre es más largo de lo que puede ser el de un anfitrión.",
    "There is a dot too many in this name.": "En este nombre sobra un punto.",
    "There is a character in this name that no host's name has.": "Este nombre contiene un carácter que no puede estar en el nombre "
    "de un anfitrión.",
    "A part of this name is longer than 63 characters.": "Una parte de este nombre supera los 63 caracteres.",
    "This is not an IPv4 address: it has four numbers from 0 to 255.": "Esto no es una dirección IPv4: tiene cuatro números entre 0 y "
    "255.",
    "This address is that of this machine itself. Type the one that your router's status page shows, or a tunnel's.": "Esta dirección es la de este mismo equipo. Escribir la que muestra la página de estado del router, o la de un túnel.",
    "Nobody on the internet reaches this address: it is one of a private network. If your router's status page shows it, use a VPN or a tunnel; if it is that of a relay or an outer router of yours, type its name.": "Nadie de internet llega a esta dirección: es de una red privada. Si es la que muestra la página de estado del router, usar una VPN o un túnel; si es la de un repetidor o un router exterior propios, escribir su nombre.",
    "Nobody on the internet reaches this address: your provider shares it among many customers (CGNAT). Use a VPN that all of you are in, or a tunnel.": "Nadie de internet llega a esta dirección: el operador la reparte entre muchos clientes (CGNAT). Usar una VPN en la que estén todos, o un túnel.",
    "This is too long for an address.": "Esto es demasiado largo para ser una dirección.",
    "Type the address of a host: a name or an IP address.": "Escribir la dirección de un anfitrión: un nombre o una dirección IP.",
    "Before the colon the host is missing.": "Falta el anfitrión antes de los dos puntos.",
    "This invite was made by another version of Atrium: both must be of one version.": "Esta invitación se creó con otra versión de "
    "Atrium: ambos deben usar la misma.",
    "This invite holds an address that is none: ask for a new one.": "Esta invitación contiene una dirección que no lo es: pedir una "
    "nueva.",
    "This invite is not well formed: ask for a new one.": "Esta invitación está mal formada: pedir una nueva.",
    "This invite holds no address that this version of Atrium knows: ask for a new one.": "Esta invitación no contiene ninguna "
    "dirección que conozca esta versión de Atrium: pedir una nueva.",
    "There is no invite in this text: it begins with atrium://join#.": "En este texto no hay ninguna invitación: empieza por "
    "atrium://join#.",
    "This invite is damaged or was not copied whole: copy it once more.": "Esta invitación está dañada o no se copió entera: copiarla "
    "de nuevo.",
    "Port {0} is in use by another program: end that, or choose another port.": "Otro programa usa el puerto {0}: cerrarlo, o elegir "
    "otro puerto.",
    "This user may not listen on port {0}: choose one above 1023.": "Este usuario no puede usar el puerto {0}: elegir uno mayor que "
    "1023.",
    "{0} is not an address of this machine: choose one of its own, or :: for all of them.": "{0} no es una dirección de este equipo: "
    "elegir una suya, o :: para todas.",
    # python/atrium/hosting.py
    "The server on port {0} did not start within {1} seconds.": "El servidor en el puerto {0} no se inició en {1} segundos.",
    "Another program uses port {0} of this machine: choose another port in Atrium's preferences.": "Otro programa usa el puerto {0} "
    "de este equipo: elegir otro puerto en las preferencias de Atrium.",
    "The server did not start: {0}": "El servidor no se inició: {0}",
    "The server could not be started: {0}.": "No fue posible iniciar el servidor: {0}.",
    # addon/session/join.py
    "The image “{0}” is painted and not saved, and cannot be packed: save it first.": "La imagen “{0}” está pintada y sin guardar, y "
    "no es posible empaquetarla: guardarla primero.",
    "The scene has no file name yet.": "La escena todavía no tiene nombre de archivo.",
    "What was written is not the whole file: is the disk full?": "Lo que se escribió no es el archivo entero: ¿está lleno el disco?",
    # python/atrium/check.py
    "Its key is the one that you trust at this address.": "Su clave es aquella en la que se confía en esta dirección.",
    "Its key is NOT the one that you trust at this address: ask the host before you connect.": "Su clave NO es aquella en la que se "
    "confía en esta dirección: consultar al anfitrión antes de conectar.",
    "You have not connected to this address before.": "Todavía no hubo ninguna conexión con esta dirección.",
    "The time is over, and nothing is known yet.": "El tiempo se agotó, y todavía no se sabe nada.",
    "Atrium answers at {address}, after {ms} ms.": "Atrium responde en {address}, tras {ms} ms.",
    "Its check code is {code}: the host's panel shows the same.": "Su código de verificación es {code}: el panel del anfitrión muestra "
    "el mismo.",
    "({code} after {ms} ms)": "({code} tras {ms} ms)",
    "Tried: {detail}": "Se intentó: {detail}",
    # python/atrium/reach.py: the audiences
    "This machine": "Este equipo",
    "Your network ({label})": "La red local ({label})",
    "VPN: {label}": "VPN: {label}",
    "The internet": "Internet",
    "Tunnel: {label}": "Túnel: {label}",
    "works": "funciona",
    "should work": "debería funcionar",
    "not reachable": "no accesible",
    "checking": "comprobando",
    "not known": "no se sabe",
    # how it is, and what to do next
    "Somebody has come in this way.": "Alguien ha entrado por este camino.",
    "This server listens on all networks of this machine.": "Este servidor escucha en todas las redes de este equipo.",
    "Nobody has come in by these addresses yet:": "Por estas direcciones todavía no ha entrado nadie:",
    "Atrium listens here; nobody has come in this way yet.": "Atrium escucha aquí; todavía no ha entrado nadie por este camino.",
    "The firewall {tool} is active on this machine and may keep guests out.": "El cortafuegos {tool} está activo en este equipo y puede "
    "impedir la entrada.",
    "If they cannot connect, allow the port: {tcp}": "Si no pueden conectar, permitir el puerto: {tcp}",
    "Windows asks whether Blender, or the Python in it, may be reached when you host for the first time.": "Al alojar por primera vez, "
    "Windows pregunta si se permite el acceso a Blender, o al Python que trae.",
    "Tick private networks, and public ones too if your network counts as one, then allow access.": "Marcar las redes privadas, y "
    "también las públicas si la red figura como tal, y permitir el acceso.",
    "macOS asks whether Blender, or the Python in it, may accept incoming connections when you host for the first time.": "Al alojar por primera "
    "vez, macOS pregunta si Blender, o el Python que trae, puede aceptar conexiones entrantes.",
    "Choose Allow. Later it is found in System Settings, Network, Firewall.": "Elegir Permitir. Más adelante se encuentra en Ajustes del "
    "Sistema, Red, Firewall.",
    "This server takes connections from this machine only.": "Este servidor solo acepta conexiones desde este equipo.",
    "If Blender has started it, allow online access in Blender's preferences (System, Network), then press Restart Server in Atrium's "
    "panel, or Host; else start it without --bind.": "Si lo inició Blender, permitir el acceso en línea en las preferencias de Blender "
    "(Sistema, Red) y pulsar luego Reiniciar servidor en el panel de Atrium, o Alojar; si no, iniciarlo sin --bind.",
    "This machine is not in a network.": "Este equipo no está en ninguna red.",
    "Connect it by cable or Wi-Fi; its addresses are found by themselves.": "Conectarlo por cable o Wi-Fi; sus direcciones se encuentran "
    "por sí solas.",
    "This server listens at {bound} only.": "Este servidor solo escucha en {bound}.",
    "Start it without --bind to listen on every network.": "Iniciarlo sin --bind para escuchar en todas las redes.",
    "Your router is being asked to pass the port on.": "Se está pidiendo al router que redirija el puerto.",
    "Your router passes the port on ({protocol}); nobody has come in this way yet.": "El router redirige el puerto ({protocol}); todavía "
    "no ha entrado nadie por este camino.",
    "This is the address that you have typed; nobody has come in this way yet.": "Es la dirección que se escribió; todavía no ha entrado "
    "nadie por este camino.",
    "If it is your router's, a rule there has to pass the port on; if it is a tunnel's, the tunnel has to run.": "Si es la del router, una regla debe redirigir allí el puerto; si es la de un túnel, el túnel debe estar en marcha.",
    "This machine has a public address of its own; nobody has come in this way yet.": "Este equipo tiene una dirección pública propia; "
    "todavía no ha entrado nadie por este camino.",
    "Guests with IPv6 may reach this machine directly, if your router lets them in.": "Quienes tienen IPv6 pueden llegar directamente a "
    "este equipo, si el router lo permite.",
    "Your router lets guests with IPv6 in ({protocol}); nobody has come in this way yet.": "El router deja entrar a quienes tienen IPv6 "
    "({protocol}); todavía no ha entrado nadie por este camino.",
    "For everybody else enter the rule below in your router, or use a VPN or a tunnel.": "Para los demás, introducir en el router la "
    "regla de abajo, o usar una VPN o un túnel.",
    "There is another router in front of yours: the address on its outside, {outside}, is a private one.": "Hay otro router delante del "
    "propio: su dirección exterior, {outside}, es privada.",
    "Use a VPN or a tunnel, or pass the port on in both routers.": "Usar una VPN o un túnel, o redirigir el puerto en ambos routers.",
    "Your provider shares your public address with others (CGNAT).": "El operador comparte la dirección pública con otros (CGNAT).",
    "Use a VPN that all of you are in, or a tunnel.": "Usar una VPN en la que estén todos, o un túnel.",
    "Only the host can ask who can reach it.": "Solo el anfitrión puede preguntar quién puede llegar a él.",
    "{program} is not installed on this machine.": "{program} no está instalado en este equipo.",
    "Install it, or use a VPN.": "Instalarlo, o usar una VPN.",
    "ngrok wants an account before it opens a tunnel.": "ngrok pide una cuenta antes de abrir un túnel.",
    "Make a free one at ngrok's site, then type the command that it shows you there into a terminal, once.": "Crear una gratuita en el "
    "sitio de ngrok y escribir una vez en una terminal la orden que se muestra allí.",
    "ngrok says that your account has as many tunnels as it may have.": "ngrok dice que la cuenta ya tiene todos los túneles que puede "
    "tener.",
    "Close the other one, perhaps on another machine, and try again.": "Cerrar el otro, tal vez en otro equipo, y volver a intentarlo.",
    "{program} has not opened a tunnel in time: {said}": "{program} no ha abierto un túnel a tiempo: {said}",
    "Is this machine connected to the internet? Then try again.": "¿Está este equipo conectado a internet? Entonces, volver a intentarlo.",
    "{program} has ended: {said}": "{program} ha terminado: {said}",
    "Try again, or use a VPN.": "Volver a intentarlo, o usar una VPN.",
    "{program} could not be started: {said}": "No se pudo iniciar {program}: {said}",
    "Start it in a terminal to see what is wrong.": "Iniciarlo en una terminal para ver qué ocurre.",
    "it did not say why.": "no dijo por qué.",
    "Your router has no public address: your provider shares one, or there is another router in front of it.": "El router no tiene una "
    "dirección pública: el operador la comparte, o hay otro router delante.",
    "There is no router through which the internet could reach this machine.": "No hay ningún router por el que internet pueda llegar a este "
    "equipo.",
    "Your router does not open ports by itself.": "El router no abre puertos por sí mismo.",
    "Enter the rule below in your router and its public address in Atrium's panel, or use a VPN or a tunnel.": "Introducir en el router "
    "la regla de abajo, y su dirección pública en el panel de Atrium; o usar una VPN o un túnel.",
    "Your router refuses to open the port.": "El router se niega a abrir el puerto.",
    "Allow UPnP in your router, or enter the rule below there; or use a VPN or a tunnel.": "Permitir UPnP en el router, o introducir en "
    "él la regla de abajo; o usar una VPN o un túnel.",
    "Your router is not asked to open the port.": "No se pide al router que abra el puerto.",
    "Switch on Map Port on the Router in Atrium's preferences, then press Restart Server in Atrium's panel, or Host; a server that Blender "
    "has not started needs --map-port. Or enter the rule below in your router and its public address in Atrium's panel.": "Activar Abrir "
    "el puerto en el router en las preferencias de Atrium y pulsar luego Reiniciar servidor en el panel de Atrium, o Alojar; un servidor "
    "que no inició Blender necesita --map-port. O introducir en el router la regla de abajo, y su dirección pública en el panel de Atrium.",
    "Your router passes the port on, but does not know its own public address.": "El router redirige el puerto, pero no conoce su propia "
    "dirección pública.",
    "Enter it in Atrium's panel: your router's status page shows it.": "Introducirla en el panel de Atrium: la muestra la página de "
    "estado del router.",
    "{label} forwards to this machine; nobody has come in this way yet.": "{label} redirige a este equipo; todavía no ha entrado nadie "
    "por este camino.",
    "There is a reason that this version of Atrium does not know ({reason}).": "Hay un motivo que esta versión de Atrium no conoce "
    "({reason}).",
    "Update Atrium.": "Actualizar Atrium.",
    # the rule for the router
    "Protocol": "Protocolo",
    "Public port": "Puerto público",
    "This machine's address": "Dirección interna",
    "This machine's port": "Puerto interno",
    # python/atrium/machine.py
    "You host here, on port {port}. Check code: {code}.": "Este equipo es el anfitrión, en el puerto {port}. Código de verificación: "
    "{code}.",
    "You do not host here now. This was tried on port {port} with a server that has ended again.": "Este equipo no es anfitrión ahora. "
    "Esto se probó en el puerto {port} con un servidor que ya terminó.",
    "Another user of this machine hosts on port {port}: that user's panel shows who can connect.": "Otro usuario de este equipo es el "
    "anfitrión en el puerto {port}: su panel muestra quién puede conectarse.",
    "Another program uses port {port} of this machine: choose another port in Atrium's preferences.": "Otro programa usa el puerto {port} "
    "de este equipo: elegir otro puerto en las preferencias de Atrium.",
    "This could not be found out: {said}": "No fue posible averiguarlo: {said}",
    "Not everything was known in time.": "No fue posible averiguarlo todo a tiempo.",
}
