"""The words that problems are made of."""

WORDS = (
    "anchor", "apple", "arrow", "autumn", "badge", "basket", "beacon", "bench", "blanket", "bottle", "branch",
    "bridge", "bucket", "butter", "button", "cabin", "camera", "candle", "canyon", "carpet", "castle", "cellar",
    "cherry", "circle", "cloud", "copper", "corner", "cotton", "cradle", "crystal", "curtain", "desert", "dragon",
    "drawer", "eagle", "engine", "falcon", "feather", "fennel", "ferry", "forest", "fountain", "garden", "ginger",
    "glacier", "goblet", "granite", "hammer", "harbor", "harvest", "helmet", "honey", "island", "ivory", "jacket",
    "jungle", "kernel", "kettle", "ladder", "lantern", "leather", "lemon", "letter", "lizard", "magnet", "maple",
    "marble", "meadow", "mirror", "monkey", "mountain", "mustard", "needle", "nickel", "oyster", "paddle", "palace",
    "parcel", "pebble", "pencil", "pepper", "pillow", "pirate", "planet", "pocket", "prairie", "pumpkin", "puzzle",
    "quarry", "rabbit", "radish", "ribbon", "river", "rocket", "saddle", "sailor", "salmon", "satchel", "scarlet",
    "shadow", "silver", "spider", "spiral", "sponge", "stable", "summer", "sunset", "tailor", "temple", "thimble",
    "thunder", "ticket", "timber", "tunnel", "turtle", "valley", "velvet", "violin", "wagon", "walnut", "whistle",
    "window", "winter", "wizard", "yellow", "zipper",
)  # fmt: skip
NAMES = ("Ann", "Ben", "Cara", "Dan", "Ella", "Finn", "Grace", "Hugo", "Ida", "Jack", "Kate", "Liam", "Mia", "Noah",
         "Olga", "Paul", "Rosa", "Sam", "Tess", "Uma", "Vera", "Will")  # fmt: skip
SURNAMES = ("Archer", "Brook", "Carter", "Dale", "Ellis", "Frost", "Grant", "Hayes", "Irwin", "Keller", "Lund",
            "Moore", "Nolan", "Price", "Reed", "Stone", "Turner", "Voss", "Webb", "York")  # fmt: skip
CITIES = ("Leeds", "Oslo", "Porto", "Lyon", "Turin", "Ghent", "Bergen", "Krakow", "Malmo", "Basel", "Seville", "Graz",
          "Cork", "Tartu", "Bonn", "Nantes")  # fmt: skip
THINGS = ("ball", "book", "coin", "cup", "drum", "fan", "hat", "jar", "key", "lamp", "map", "mug", "pen", "ring",
          "scarf", "shell", "spoon", "stamp", "torch", "vase")  # fmt: skip
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
